"""faults.md G1: damaged and hostile files are refused with a ValueError that names the file."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tinygrad_loss import Tensor
from tinygrad_loss.nn import Module, load, save


def npy(text, version=b"\x01\x00", size=None, data=bytes(16)):
    """An .npy file with a header that says this."""
    header = text.encode("latin1") + b"\n"
    size = len(header) if size is None else size
    return b"\x93NUMPY" + version + size.to_bytes(2, "little") + header + data


def header(descr="'<f8'", order="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


HOSTILE = {
    "MemoryError": npy("(" * 5000),
    "RecursionError": npy("-" * 9000 + "1"),
    "SyntaxError": npy("{'descr': '<f8', 'shape': 2 3}"),
    "TokenError": npy(header(shape="((2L,")),
    "an unknown dtype": npy(header("'<f3'")),
    "an escape": npy(header("'\\d'")),
    "a list as dtype": npy(header("['<f8']")),
    "a structured dtype": npy(header("[('a', '<f8')]")),
    "objects": npy(header("'|O'")),
    "dates": npy(header("'<M8[s]'")),
    "voids": npy(header("'|V8'")),
    "complex numbers": npy(header("'<c16'", shape="(1,)")),
    "half a header": npy(header())[:40],
    "half the data": npy(header(), data=bytes(8)),
    "more data": npy(header(), data=bytes(24)),
    "a terabyte": npy(header(shape="(137438953472,)")),
    "a count beyond an index": npy(header(shape="(99999999999999999999,)")),
    "a product beyond an index": npy(header(shape="(4294967296, 4294967296, 4)")),
    "a product that wraps to 2": npy(header(shape="(9223372036854775809, 2)")),
    "digits without end": npy(header(shape=f"({'9' * 5000},)")),
    "too many axes": npy(header(shape=f"({'1,' * 70})")),
    "a negative size": npy(header(shape="(-2,)")),
    "True as a size": npy(header(shape="(True, 2)")),
    "a call": npy(header(shape="(len('ab'),)")),
    "no order": npy("{'descr': '<f8', 'shape': (2,), }"),
    "another order": npy(header(order="1")),
    "a later version": npy(header(), version=b"\x09\x00"),
    "an empty member": b"",
    "no magic": bytes(100),
}


def archive_of(*members, compression=zipfile.ZIP_STORED):
    content = BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members:
            archive.writestr(name, member)
    return content.getvalue()


class Two(Module):
    def __init__(self):
        self.w = Tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_header_is_a_value_error_that_names_the_file(tmp_path, what):
    path = tmp_path / "hostile.npz"
    path.write_bytes(archive_of(("w.npy", HOSTILE[what])))
    two = Two()
    with pytest.raises(ValueError, match=r"^load: .*hostile\.npz is damaged, or was not written"):
        load(path, two)
    assert two.w.tolist() == [1.0, 2.0]


def test_the_headers_above_are_what_save_writes_but_for_the_fault(tmp_path):
    (tmp_path / "good.npz").write_bytes(archive_of(("w.npy", npy(header()))))
    assert load(tmp_path / "good.npz", Two()).w.tolist() == [0.0, 0.0]


def test_a_name_stored_twice_is_refused(tmp_path):
    """Of "w.npy" and "w.npy", or "w" and "w.npy", the last won."""
    for names in (("w.npy", "w.npy"), ("w", "w.npy")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *_, **__: None)  # zipfile's
            content = archive_of(*((name, npy(header())) for name in names))
        (tmp_path / "twice.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"twice\.npz .*it holds 'w' twice"):
            load(tmp_path / "twice.npz", Two())


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        (np.float16, 65504.0, True), (np.float16, 65519.0, True), (np.float16, 65520.0, False),
        (np.float16, -1e300, False), (np.float16, np.inf, True), (np.float16, np.nan, True),
        (np.float16, 1e-300, True), (np.float32, 3.5e38, False), (np.float32, -np.inf, True),
    ],
)  # fmt: skip
def test_numbers_that_do_not_fit_are_refused(tmp_path, dtype, value, fits):
    """float64 values that became inf; those that round, to 0 even, stay as near as they can."""
    wide, narrow = Two(), Two()
    wide.w.data = [1.0, value]
    narrow.w.data = narrow.w.data.astype(dtype)
    save(tmp_path / "wide.npz", wide)
    if fits:
        load(tmp_path / "wide.npz", narrow)
        np.testing.assert_array_equal(narrow.w.data, wide.w.data.astype(dtype))
    else:
        for attempt in (
            lambda: load(tmp_path / "wide.npz", narrow),
            lambda: narrow.load_state_dict(wide.state_dict()),
        ):
            with pytest.raises(
                ValueError, match=f"w holds numbers that do not fit in {narrow.w.dtype}"
            ):
                attempt()
            assert narrow.w.tolist() == [1.0, 2.0]


def test_integers_that_do_not_fit_are_refused():
    class Counting(Module):
        def __init__(self, dtype):
            self.counts = Tensor([1, 2], dtype=dtype)

    small = Counting(np.int8)
    small.load_state_dict({"counts": np.array([3, 127])})
    with pytest.raises(ValueError, match="counts holds numbers that do not fit in int8"):
        small.load_state_dict({"counts": np.array([3, 128])})
    assert small.counts.tolist() == [3, 127]


SMALL = {"stored": zipfile.ZIP_STORED, "compressed": zipfile.ZIP_DEFLATED}


def small_file(compression):
    content = BytesIO()
    np.lib.format.write_array(content, np.array([3.0, 4.0]))
    return archive_of(("w.npy", content.getvalue()), compression=SMALL[compression])


def assert_refused_or_right(path, content):
    path.write_bytes(content)
    two = Two()
    try:
        load(path, two)
    except ValueError:
        assert two.w.tolist() == [1.0, 2.0]
        return "refused"
    assert two.w.tolist() == [3.0, 4.0]
    return "right"


@pytest.mark.parametrize("compression", SMALL)
def test_a_file_cut_at_any_byte_is_refused(tmp_path, compression):
    content = small_file(compression)
    for end in range(len(content)):
        assert assert_refused_or_right(tmp_path / "cut.npz", content[:end]) == "refused", end


@pytest.mark.parametrize("compression", SMALL)
def test_any_bit_flipped_is_refused_or_harmless(tmp_path, compression):
    content = small_file(compression)
    for i in range(len(content)):
        for mask in (1 << (i % 8), 0xFF):
            flipped = content[:i] + bytes([content[i] ^ mask]) + content[i + 1 :]
            assert_refused_or_right(tmp_path / "flipped.npz", flipped)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), min_size=1, max_size=4))
def test_any_bytes_written_over_are_refused_or_harmless(tmp_path, changes):
    content = bytearray(small_file("stored"))
    for position, written in changes:
        content[position : position + len(written)] = written
    assert_refused_or_right(tmp_path / "written.npz", bytes(content))


def test_arrays_in_any_order_of_memory_come_back(tmp_path):
    class Arrays(Module):
        def __init__(self, fill):
            base = np.arange(24.0).reshape(2, 3, 4) * fill
            self.a = Tensor(np.asfortranarray(base), requires_grad=True, copy=False)
            self.b = Tensor(base[:, ::-2, 1:], requires_grad=True, copy=False)
            self.c = Tensor(base[0].astype(">f4"), copy=False)
            self.d = Tensor(base[0, 0].astype(np.uint8))
            self.e = Tensor(np.zeros((0, 3)))

    saved = Arrays(1.0)
    save(tmp_path / "a.npz", saved)
    loaded = load(tmp_path / "a.npz", Arrays(0.0))
    for name, array in saved.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name], array)
