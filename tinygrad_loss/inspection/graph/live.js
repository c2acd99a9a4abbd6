// The numbers of the graph: at first those that Python computed, then those that the page computes from the leaves.
const data = JSON.parse(document.getElementById("data").textContent);
const { steps, tensors, programs } = data;
const types = { f4: Float32Array, f8: Float64Array, i4: Int32Array };
const arrays = data.arrays.map(({ numbers, base64, type, ...told }) => {
  const packed = type && new types[type](Uint8Array.from(atob(base64), (x) => x.charCodeAt(0)).buffer);
  const read = packed || numbers ? Float64Array.from(packed ?? numbers, toNumber) : null;
  return told.corner ? { ...told, data: null, shown: read } : { ...told, data: read };
});
const all = Object.values(tensors);
const sends = steps.flatMap((step) => step.sends ?? []);
const parameters = all.filter((tensor) => tensor.made === "parameter");
const learned = parameters.filter((tensor) => tensor.gradient !== null);
let scaleOfGradients = Infinity; // the largest number in them
const changed = () => parameters.some((tensor) => tensor.array !== arrays[tensor.value]);
for (const tensor of all) tensor.parts = []; // of its gradient, as they arrive: { step, total }
steps.forEach((step, i) => {
  if (step.kind === "seed") tensors[step.output].parts.push({ step: i });
  for (const send of step.sends ?? []) tensors[send.tensor].parts.push(Object.assign(send, { step: i }));
});
const compute = (program, given) => run(programs[program], given, arrays);
function arrive(tensor, part, gives) { // the parts of a gradient add up
  const before = tensor.total;
  const known = before?.data && gives.data;
  tensor.total = !before ? gives : known ? functions.add(before, gives) : { shape: gives.shape, data: null, text: "a sum" };
  Object.assign(part, { before, array: gives, total: tensor.total });
}
function passes(value, gradient) { // both passes; the arguments say where the numbers come from
  for (const tensor of all) tensor.total = null;
  for (const step of steps) {
    const tensor = tensors[step.output];
    if (step.kind === "forward") tensor.array = value(step, tensor);
    if (step.kind === "seed") arrive(tensor, tensor.parts[0], arrays[step.seed]);
    for (const send of step.sends ?? []) arrive(tensors[send.tensor], send, gradient(step, send));
  }
}
const inputsOf = (step) => step.inputs.map((id) => tensors[id].array);
const givenTo = (step) => [tensors[step.output].total, tensors[step.output].array, ...inputsOf(step)];
function fromPython() {
  for (const tensor of all) tensor.array = arrays[tensor.value];
  passes((step, tensor) => tensor.array, (step, send) => arrays[send.gives]);
  for (const tensor of all) if (tensor.gradient !== null) tensor.total = tensor.parts.at(-1).total = arrays[tensor.gradient];
}
function replay() {
  passes(
    (step) => compute(step.program, inputsOf(step)).result,
    (step, send) => fit(compute(send.program, givenTo(step)).result, tensors[send.tensor].array.shape),
  );
  scaleOfGradients = Math.max(...all.map(({ total }) => (total ? largest(total) : 0)));
}
const largest = (x) => x.check?.[1] ?? x.data.reduce((most, n) => (Number.isFinite(n) ? Math.max(most, Math.abs(n)) : most), 0);
function differs(sent, made, scale) { // beyond rounding, which depends on the dtype
  const { precision } = data;
  const tolerance = (precision > 1e-4 ? 0.1 : precision > 1e-10 ? 1e-4 : 1e-9) * largest(sent) + 64 * precision * scale;
  if (!made?.data || !same(sent.shape, made.shape)) return true;
  if (!sent.check) return made.data.some((x, i) => !(Object.is(x, sent.data[i]) || Math.abs(x - sent.data[i]) <= tolerance));
  const finite = (x) => (Number.isNaN(x) ? 1 : x === Infinity ? 2 : x === -Infinity ? 3 : x);
  const projected = made.data.reduce((total, x, i) => total + finite(x) * Math.cos(i), 0);
  return !(Math.abs(projected - sent.check[0]) <= tolerance * Math.sqrt(made.data.length));
}
function disagreement() { // the name of what the page computes otherwise than Python, if anything
  fromPython();
  const held = [all, sends, all].flatMap((holders, i) => holders.map((holder) => [holder, i < 2 ? "array" : "total"]));
  const sent = held.map(([holder, key]) => holder[key]);
  replay();
  const scale = Math.max(...sent.filter(Boolean).map(largest));
  const found = held.find(([holder, key], i) => sent[i] && differs(sent[i], holder[key], scale))?.[0];
  held.forEach(([holder, key], i) => (holder[key] = sent[i]?.data ? sent[i] : holder[key])); // at first those of Python
  return found && (found.name ?? `what ${tensors[steps[found.step].output].name} sends to ${tensors[found.tensor].name}`);
}
for (const x of [...sends, ...all]) x.rounding = arrays[x.gives ?? x.gradient]?.rounding;
let fixed = data.fixed; // why no other numbers can be computed; "" if they can
try {
  const name = fixed ? "" : disagreement();
  if (name) fixed = `The browser computes ${name} otherwise than Python did.`;
} catch (error) {
  fixed = `The browser cannot compute this graph: ${error.message}.`;
}
if (fixed) fromPython();
const editable = !fixed && !data.quiz;
if (!editable && steps.at(-1).kind === "update") steps.pop();
// --- the update --------------------------------------------------------------------------------
const losses = []; // before each step that was taken
let running = null;
const rate = () => $("learning-rate").valueAsNumber; // NaN if it is no number
const stepped = (tensor) => functions.subtract(tensor.array, functions.multiply(array([], Float64Array.of(rate())), tensor.total));
const lossOf = () => tensors[data.output].array.data[0];
function set(found) { // other numbers for parameters, by their arrays
  for (const [tensor, x] of found) tensor.array = x;
  replay();
  refreshTable();
  refresh();
}
const setLeaf = (tensor, at, x) => set([[tensor, array(tensor.array.shape, tensor.array.data.map((old, i) => (i === at ? x : old)))]]);
function ended() { // why it is no use to go on
  if (!(Math.abs(lossOf()) < 1e6 * Math.max(1, Math.abs(losses[0] ?? 1)))) return ": it diverged";
  return learned.some(({ total }) => total.data.some(Boolean)) ? "" : ": all gradients are 0, nothing moves";
}
function takeStep() {
  if (Number.isNaN(rate())) return void ($("taken").textContent = "The learning rate is no number.");
  losses.push(lossOf());
  set(learned.map((tensor) => [tensor, stepped(tensor)]));
}
function keepOn(on) {
  clearInterval(running);
  running = on ? setInterval(() => (ended() || Number.isNaN(rate()) ? keepOn(false) : takeStep()), 60) : null;
  refreshUpdate();
}
function reset() {
  keepOn(false);
  losses.length = 0;
  set(parameters.map((tensor) => [tensor, arrays[tensor.value]]));
}
function refreshUpdate() {
  const loss = tensors[data.output].array;
  $("update").hidden = steps.at(-1).kind !== "update";
  $("read-only").textContent = fixed && `Numbers can be looked at, not changed. ${fixed}`;
  $("frozen").textContent = !fixed && changed() ? data.frozen : "";
  $("run").textContent = running === null ? "Run" : "Pause";
  $("reset").disabled = !changed() && !losses.length;
  $("loss").hidden = loss.shape.length > 0 || !loss.data;
  if ($("loss").hidden) return;
  $("loss").textContent = `${tensors[data.output].name} = ${summary(loss)}`;
  $("loss").dataset.number = loss.data[0];
  const taken = losses.length;
  $("taken").textContent = taken ? `after ${taken} step${taken === 1 ? "" : "s"}${ended()}` : "";
  const points = [...losses, loss.data[0]].filter(Number.isFinite);
  const [low, high, paper] = [Math.min(...points), Math.max(...points), $("curve").getContext("2d")];
  $("curve").width = 100; // clears it
  paper.strokeStyle = getComputedStyle($("curve")).color;
  points.forEach((y, i) => paper.lineTo(2 + (96 * i) / Math.max(points.length - 1, 1), 26 - (24 * (y - low)) / (high - low || 1)));
  paper.stroke();
  Object.assign($("curve"), { hidden: !taken, ariaLabel: `loss, from ${number(points[0])} to ${number(points.at(-1))}` });
}
