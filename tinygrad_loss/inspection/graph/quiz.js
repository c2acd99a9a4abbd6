// The quiz: each number that is sent backward is asked for before it is shown. No answer is stored.
const asked = ({ tensor, array: sent, answered }) => Boolean(data.quiz && tensor && sent.data?.length && !answered); // still to be asked for
function furthest() { // the step up to which one can go: that of the first question
  const at = steps.findIndex((step) => step.sends?.some(asked));
  return at < 0 ? steps.length - 1 : at;
}
function askFor(step, send, texts) {
  const { shape, data: sent } = send.array;
  const { columns, height, width } = gridOf(send.array);
  const larger = (i, j) => Math.abs(sent[i]) > Math.abs(sent[j]) && i / columns < height && i % columns < width;
  const at = sent.reduce((best, _, i) => (larger(i, best) ? i : best), 0); // the most telling element, of those that are seen
  const what = `${tensors[send.tensor].name}${shape.length ? `[${indexOf(shape, at)}]` : ""}`;
  const right = noise(send, send.array) ? 0 : sent[at];
  const end = (verdict) => {
    send.answered = true;
    refresh();
    refreshTable();
    $("status").textContent = `${verdict} ${number(right)} to ${what}.`;
    ($("answer") ?? $("next")).focus();
  };
  const input = Object.assign(make("input"), { id: "answer", type: "text", inputMode: "decimal", autocomplete: "off" });
  const show = Object.assign(make("button", "", "Show it"), { id: "give-up", type: "button", onclick: () => end("It is") });
  const form = make("form", "sum", make("label", "", `Sent to ${what}: `, input), make("button", "", "Check"), show);
  const verdict = Object.assign(make("p", ""), { id: "verdict", role: "status" });
  form.onsubmit = (event) => {
    event.preventDefault();
    const answer = typed(input.value);
    const near = (x, part = 0.006) => answer === x || Object.is(answer, x) || (Number.isFinite(x) && Math.abs(answer - x) <= part * Math.abs(x));
    if (answer !== null && near(right)) return end("Right:");
    const known = slips(step, send, at, right, texts);
    const found = known.find(([x]) => near(x, 1e-5)) ?? known.find(([x]) => near(x)) ?? [0, "That is not it. Put the numbers into the rule"];
    verdict.textContent = `${answer === null ? "Type a number, such as -0.25" : found[1]}.`;
    verdict.scrollIntoView({ block: "nearest" });
  };
  const [program, place] = [programs[send.program], (n, kind, i) => (i === at ? "?" : "\u00b7")];
  const rule = program && make("details", "", make("summary", "", "The rule"), make("code", "rule", fill(program, texts)));
  const given = givenTo(step).slice(1).map((x, i) => (!program || reads(program, i + 1) ? arrayView(x, texts[i + 1]) : null));
  const places = shape.length && sent.length <= 40 ? arrayView(send.array, "what is sent", { as: "table", cell: place }) : null;
  add(make("p", "", "Work it out from these; three digits will do."), ...given, places, rule, form, verdict);
}
function slips(step, send, at, right, texts) { // [what one gets, how one got there]
  const [{ shape, data: sent }, { name, parts, array: y }, [g, ...values]] = [send.array, tensors[step.output], givenTo(step)];
  const element = (x) => x.data?.[x.data.length === 1 ? 0 : same(x.shape, shape) ? at : -1];
  const withG = (x) => (fixed ? undefined : fit(compute(send.program, [x, ...values]).result, shape).data[at]);
  const others = step.sends.filter(({ tensor }) => tensor !== send.tensor);
  const terms = working(send.program, givenTo(step), send.array, texts)?.terms(at) ?? [];
  const n = /^(mean|sum)$/.test(step.op) ? count(values[1].shape) / count(y.shape) : terms.length;
  const factors = /^(multiply|matmul|linear)$/.test(step.op);
  const own = factors ? element(g) * element(tensors[send.tensor].array) : undefined;
  const [mean, other] = [step.op === "mean", factors ? ": it takes the other factor" : ""];
  return [
    [-right, "The sign is wrong"],
    [mean ? right * n : undefined, `1/N is missing, N = ${n}`],
    [n > 1 ? right / n : undefined, mean ? `1/N counts only once, N = ${n}` : `There is no 1/N here, N = ${n}: it is a sum`],
    ...others.map((x) => [element(x.array), `That is what is sent to ${tensors[x.tensor].name}${other}`]),
    [own, `That is ${texts[0]} times ${tensors[send.tensor].name} itself${other}`],
    [withG(functions.equal(g, g)), "That is the slope alone. Multiply it by the gradient that came in"],
    [element(g), "That is the gradient that came in. Multiply it by the slope"],
    ...(parts.length > 1 ? parts : []).map((part) => [withG(part.array), `That is one path of ${parts.length}: all parts that came in at ${name} count`]),
    [element(send.total), "That is the total so far. Asked for is what this op adds to it"],
    ...terms.map((term) => [term, `That is one of ${terms.length} terms: add them up`]),
    [element(y), `That is the value of ${name}, and no slope`],
    ...Array.from(sent, (x, i) => [x, `That is the number at [${indexOf(shape, i)}]; asked for is that at [${indexOf(shape, at)}]`]),
  ];
}
