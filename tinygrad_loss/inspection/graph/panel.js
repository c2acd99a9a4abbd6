// What the page writes: numbers as Python would, each step, and the card of a tensor.
const $ = (id) => document.getElementById(id);
function make(tag, kind, ...children) { // children are elements or text, never HTML: names can hold anything
  const element = Object.assign(document.createElement(tag), { className: kind });
  element.append(...children.filter((child) => child !== null));
  return element;
}
function number(x, digits = 4) { // as Python's %.4g
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "inf" : "-inf";
  const tie = x.toExponential(60).match(RegExp(`^(-?\\d\\.\\d{${digits - 2}}[02468])50*(e.*)`)); // Python's go to the even digit
  const [mantissa, exponent] = (tie ? tie[1] + tie[2] : x.toExponential(digits - 1)).split("e");
  if (x === 0 || (exponent >= -4 && exponent < digits)) return String(Number(`${mantissa}e${exponent}`));
  return `${Number(mantissa)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}
const word = (x, kind, digits) => (kind === "b" ? (x ? "True" : "False") : kind ? String(x) : number(x, digits));
const digits = (x, kind) => (kind || (Number.isInteger(x) && Math.abs(x) < 1e9) ? word(x, kind, 10) : number(x));
function summary({ shape, data: numbers, text, kind }) {
  if (text !== undefined) return text; // Python's
  if (!numbers.length) return "empty";
  const words = () => Array.from(numbers, (x) => word(x, kind)).join(", ");
  if (numbers.length <= 3) return shape.length ? `[${words()}]` : words();
  const counts = [NaN, Infinity, -Infinity].map((wrong) => [numbers.filter((x) => Object.is(x, wrong)).length, number(wrong)]);
  const found = counts.filter(([n]) => n).map(([n, name]) => `${n} of ${numbers.length} ${name}`);
  if (found.length) return found.join(", ");
  const [mean, most] = [numbers.reduce((a, b) => a + b) / numbers.length, largest({ data: numbers })];
  return `mean ${number(Math.abs(mean) <= data.precision * most ? 0 : mean, 3)}, max abs ${number(most, 3)}`;
}
for (const tensor of all) tensor.masks = !tensor.wrong && /inf/.test(summary(tensor.array)); // -inf by design
const isWrong = (x) => /NaN|inf/.test(summary(x));
const noise = (holder, x) => holder.rounding && (!x.data || largest(x) <= 1e-9 * scaleOfGradients);
const told = (holder, x) => (noise(holder, x) ? "0 (rounding)" : summary(x));
const brief = ({ data: numbers }) => !numbers || numbers.length <= 1;
const short = (x, send) => (noise(send, x) || brief(x) || isWrong(x) ? told(send, x) : `max abs ${number(largest(x), 3)}`);
function fill({ text, constants }, names, digits = 4) { // the text of a program, with these names or numbers
  return text.replace(/\{(c?)(\d+)\}/g, (place, constant, i, at) => {
    const name = constant ? number(toNumber(constants[i - 1].full ?? constants[i - 1]), digits) : names[i];
    const alone = /(^|[(,=\n] ?)$/.test(text.slice(0, at)) && /^($|[),\n])/.test(text.slice(at + place.length));
    return alone || /^([\w.]+|\d[\d.]*e[+-]\d+)$/.test(name) ? name : `(${name})`;
  });
}
const isNumber = (text) => /^\s*nan\s*$/i.test(text) || (text.trim() && !Number.isNaN(toNumber(text.toLowerCase())));
const typed = (text) => (isNumber(text) ? toNumber(text.toLowerCase()) : null); // null if it is none
function truly(given, shown, found, written) { // a line with as many digits as make it true
  for (let digits = 4; digits < 18; digits++) {
    const cut = (x) => toNumber(number(x, digits));
    const y = found(given.map(cut), cut);
    if (number(y) !== shown) continue;
    const line = written(given.map((x) => number(x, digits)), digits);
    return `${line} ${shown === "NaN" || toNumber(shown) === y ? "=" : "≈"} ${shown}`;
  }
  return null;
}
function arithmetic(program, given, result) { // the program on numbers; null if it is on arrays, or hands one on
  const { calls, text, constants } = programs[program] ?? { calls: [] };
  if (!calls.length || text.includes("\n") || ![...given, result].every((x) => x.data?.length === 1 && !x.shape.length)) return null;
  const found = (numbers, cut) => {
    const all = constants.map((x) => (typeof x === "number" && !Number.isInteger(x) ? cut(x) : x));
    return run({ ...programs[program], constants: all }, numbers.map((x) => array([], Float64Array.of(x))), arrays).result.data[0];
  };
  return truly(given.map((x) => x.data[0]), summary(result), found, (texts, digits) => fill(programs[program], texts, digits));
}
// --- the panel: one function for each kind of step ---------------------------------------------
const add = (...elements) => $("details").append(...elements.filter(Boolean));
const say = (text, kind) => text && add(make("p", kind, text));
const panels = {
  start(step) {
    say(step.say);
    say("Go on with Next or the right arrow key; click a box to see all about it.");
    if (data.quiz) say("Each number that is sent backward is asked for before it is shown.");
    if (editable && parameters.length) say("The numbers of a parameter can be changed in its card: type another, and both passes follow.");
  },
  forward(step) {
    const [inputs, output] = [step.inputs.map((id) => tensors[id]), tensors[step.output]];
    const names = inputs.map(({ name }) => name);
    const formula = programs[step.program] && fill(programs[step.program], names);
    if (formula && !step.made.endsWith(` = ${formula}`)) add(make("code", "rule", formula));
    say(arithmetic(step.program, inputsOf(step), output.array), "numbers");
    say(step.about, "reason");
    const worked = working(step.program, inputsOf(step), output.array, names, output.name);
    const others = inputs.filter((_, i) => !worked?.shown.includes(i));
    add(...others.map(({ array, name }) => arrayView(array, name)), make("h3", "", "Result"), worked);
    if (!worked?.isLast) add(arrayView(output.array, output.name));
  },
  seed(step) {
    say(status(step));
    add(arrayView(arrays[step.seed], "gradient to start from"));
  },
  backward(step) {
    const tensor = tensors[step.output];
    const { name, total, parts } = tensor;
    add(arrayView(total, `${incoming}, the gradient that came in at ${name}`, { holder: { rounding: tensor.rounding } }));
    if (parts.length > 1) say(`It is the sum of ${parts.length} parts, all of which have arrived.`, "reason");
    for (const send of step.sends) addSent(step, send);
    for (const input of step.silent) say(`${input} is not differentiated: nothing is sent to it.`, "quiet");
  },
  end(step) {
    say(step.say);
    for (const { name, total, made } of all.filter(({ made }) => made === "parameter")) {
      if (total) add(arrayView(total, `gradient of ${name}`));
      else say(`${name}: no gradient`, "quiet");
    }
  },
  update() {
    if (Number.isNaN(rate())) return say("The learning rate is no number.");
    const effect = `this makes ${tensors[data.output].name} smaller, if the step is not too long.`;
    say(`Each parameter moves against its gradient, by the learning rate ${rate()} times the gradient: ${effect}`);
    for (const tensor of learned) {
      const { name, array: x, total } = tensor;
      const made = stepped(tensor);
      const line = ([w, g]) => `${w} - ${rate()} * ${g < 0 ? `(${g})` : g}`;
      add(make("h3", "", name));
      if (!x.shape.length) say(truly([x.data[0], total.data[0]], summary(made), ([w, g]) => w - rate() * g, line), "numbers");
      else add(make("div", "sum", arrayView(x, name), `- ${rate()} *`, arrayView(total, "its gradient"), "=", arrayView(made, "after the step")));
    }
  },
};
const namesOf = (step) => [tensors[step.output].name, ...step.inputs.map((id) => tensors[id].name)];
const incoming = all.some(({ name }) => name === "g") ? "grad" : "g"; // a tensor may have that name
const reads = (program, i) => program?.text.includes(`{${i}}`);
function addSent(step, send) {
  const { name, parts } = tensors[send.tensor];
  const [texts, given, program] = [[incoming, ...namesOf(step)], givenTo(step), programs[send.program]];
  add(make("h3", "", `To ${name}`));
  if (asked(send)) return void (step.sends.find(asked) === send ? askFor(step, send, texts) : say("Asked for next.", "quiet"));
  add(make("code", "rule", program ? fill(program, texts) : "this rule could not be recorded"));
  say(arithmetic(send.program, given, send.array), "numbers");
  say(send.reason, "reason");
  const worked = noise(send, send.array) ? null : working(send.program, given, send.array, texts, "sent");
  const others = given.map((x, i) => (i > 0 && reads(program, i) && !worked?.shown.includes(i) ? arrayView(x, texts[i]) : null));
  add(...(worked?.className === "product" ? [] : others), worked);
  const sent = (caption) => arrayView(send.array, caption, { holder: { rounding: send.rounding } });
  const total = () => make("div", "sum", arrayView(send.before, "already there"), "+", sent("this"), "=", arrayView(send.total, "total so far"));
  if (send.before || !worked?.isLast) add(send.before ? total() : sent("sent"));
  const [arrived, every] = [parts.indexOf(send) + 1, parts.length];
  const so = arrived < every ? `${arrived} of them ${arrived > 1 ? "have" : "has"} arrived` : "all have arrived, and it is complete";
  if (every > 1) say(`${name} is used ${every} times, so its gradient is the sum of ${every}: ${so}.`, "reason");
}
function status(step) { // the step in one sentence, for the line above and for screen readers
  const tensor = tensors[step.output];
  if (step.kind === "forward") return `${step.made} is ${summary(tensor.array)}`;
  if (step.kind === "seed") return `The backward pass starts with ${summary(arrays[step.seed])} at ${tensor.name}: the result grows exactly as much as itself.`;
  if (step.kind === "update") return "The update: each parameter moves against its gradient.";
  if (step.kind !== "backward") return step.say;
  const sent = step.sends.map((send) => `${asked(send) ? "?" : told(send, send.array)} to ${tensors[send.tensor].name}`);
  return `${step.op} receives ${told(tensor, tensor.total)} and sends ${sent.join(" and ")}`;
}
// --- the card: all about one tensor --------------------------------------------------------------
const link = (step) => Object.assign(make("button", "link", `step ${step}`), { onclick: () => go(step) });
function field(tensor, at) { // in which a number of a parameter can be changed; made once, so that Tab goes on to the next
  const [index, now] = [indexOf(tensor.array.shape, at), () => tensor.array.data[at]];
  const input = ((tensor.fields ??= {})[at] ??= make("input"));
  Object.assign(input, { type: "text", inputMode: "decimal", ariaLabel: `${tensor.name} ${index}` });
  input.dataset.index = index.replaceAll(" ", "");
  if (input !== document.activeElement) input.value = digits(now());
  input.placeholder = digits(now()); // what is emptied stays empty
  input.onfocus = () => {
    input.value &&= String(now());
    for (const stop of [keepOn, play]) stop(false); // or these would take half of a number
  };
  input.onblur = () => (input.value &&= digits(now()));
  input.onchange = () => {
    if (Number.isFinite(typed(input.value) ?? NaN)) setLeaf(tensor, at, typed(input.value));
    else $("status").textContent = `"${input.value}" is no number: ${tensor.name} keeps ${digits(now())}.`;
  };
  return input;
}
function drawCard() {
  for (const node of nodes) node.classList.toggle("opened", idOf(node) === card);
  const focused = $("card").contains(document.activeElement) && `[data-index="${document.activeElement.dataset.index}"]`;
  $("card").hidden = card === null;
  $("card").replaceChildren();
  if (card === null) return;
  const add = (...elements) => $("card").append(...elements);
  const tensor = tensors[card];
  const { name, made, inside, array: value, total, parts } = tensor;
  const lost = () => focused && document.activeElement === document.body; // the card is made anew at every step
  setTimeout(() => lost() && ($("card").querySelector(focused) ?? $("close"))?.focus());
  const close = Object.assign(make("button", "", "Close"), { id: "close", onclick: () => look(null, true) });
  const madeAt = steps.findIndex((step) => step.kind === "forward" && step.output === card);
  add(close, Object.assign(make("h2", "", name), { id: "card-name" }));
  add(make("p", "", `${made}${inside ? `, in ${inside}` : ""} `, madeAt < 0 ? null : link(madeAt)));
  const changes = editable && parameters.includes(tensor) && value.data.length <= 100;
  const fields = { as: "table", cell: (x, kind, at) => field(tensor, at) };
  add(arrayView(value, born[card] <= current ? "value" : "value, still to be computed", changes ? fields : {}));
  const arrived = parts.filter((part) => part.step <= current && !asked(part));
  if (!parts.length) return void add(make("p", "quiet", "It has no gradient."));
  const soFar = arrived.length ? `gradient so far, ${arrived.length} of ${parts.length} parts` : "gradient so far: none has arrived";
  if (arrived.length < parts.length) add(arrived.length ? arrayView(arrived.at(-1).total, soFar) : make("p", "quiet", soFar));
  if (parts.some(asked)) return void add(make("p", "quiet", "gradient in the whole pass: still to be asked for"));
  add(arrayView(total, "gradient in the whole pass", { holder: tensor, as: total.data?.length <= 100 ? "table" : "" }));
  const sent = parts.filter((part) => part.tensor);
  const most = Math.max(...sent.map((part) => largest(part.array)));
  const line = (part) => make("li", largest(part.array) === most ? "most" : "", `${told(part, part.array)} from ${tensors[steps[part.step].output].name}, `, link(part.step));
  if (sent.length) add(make("p", "", sent.length > 1 ? "It is the sum of" : "It came as"), make("ul", "", ...sent.map(line)));
}
