"use strict";
// The state is one integer, the step. show(step) draws everything from the data, whatever was shown before.
const data = JSON.parse(document.getElementById("data").textContent);
const steps = data.steps;
const $ = (id) => document.getElementById(id);
const nodes = [...document.querySelectorAll("#picture g.node")];
const edges = [...document.querySelectorAll("#picture g.edge")];
const born = {}; // at which step a node or edge is reached by the forward pass
const answered = {}; // and by the backward pass
let current = 0;
let timer = null;

steps.forEach((step, i) => {
  const when = step.kind === "forward" ? born : answered;
  if (step.node) when[step.node] ??= i;
  for (const edge of step.edges ?? []) when[edge] ??= i;
  if (step.kind === "forward") born[step.output] = i;
});
for (const tensor in data.tensors) {
  born[tensor] ??= 0;
  answered[tensor] = data.tensors[tensor].gradients.at(-1)?.[0];
}

// --- small pieces ------------------------------------------------------------------------------
function make(tag, text, kind) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text; // never HTML: names can hold anything
  if (kind) element.className = kind;
  return element;
}
const digits = (x) => (typeof x === "number" ? String(Number(x.toPrecision(4))) : x);
function arrayView(number, caption) {
  const array = data.arrays[number];
  const figure = make("figure");
  const shape = array.shape.length === 1 ? `${array.shape},` : array.shape.join(", ");
  figure.append(make("figcaption", shape ? `${caption} (${shape})` : caption));
  if (array.numbers.length) figure.append(array.heat ? heatMap(array) : table(array));
  if (array.heat || array.rounding || !array.numbers.length) {
    const shown = array.cut ? `; shown: ${array.cut}` : "";
    figure.append(make("p", array.text + shown, array.notfinite ? "wrong" : "quiet"));
  }
  return figure;
}
function table(array) {
  const element = make("table", undefined, "numbers");
  for (let i = 0; i < array.numbers.length; i += array.columns) {
    const row = element.insertRow();
    for (const x of array.numbers.slice(i, i + array.columns)) {
      row.append(make("td", digits(x), typeof x === "string" && /NaN|inf/.test(x) ? "wrong" : ""));
    }
  }
  return element;
}
function heatMap(array) {
  const map = make("div", undefined, "heat");
  map.setAttribute("role", "img");
  map.setAttribute("aria-label", `heat map: ${array.text}`);
  map.style.gridTemplateColumns = `repeat(${array.columns}, 10px)`;
  const largest = Math.max(1e-300, ...array.numbers.filter(Number.isFinite).map(Math.abs));
  for (const x of array.numbers) {
    const cell = map.appendChild(make("span", typeof x === "string" ? "?" : x > 0 ? "+" : x < 0 ? "\u2212" : ""));
    cell.title = digits(x);
    if (typeof x === "string") cell.className = "wrong";
    else cell.style.backgroundColor = `rgba(var(--${x > 0 ? "positive" : "negative"}), ${(0.6 * Math.abs(x)) / largest})`;
  }
  return map;
}

// --- the panel: one function for each kind of step ---------------------------------------------
const add = (...elements) => $("details").append(...elements);
const say = (text, kind) => add(make("p", text, kind));
const panels = {
  start(step) {
    say(step.say);
    say("Go on with Next or the right arrow key; click a box or an ellipse to go to its step.");
  },
  forward(step) {
    if (step.formula) add(make("code", step.formula, "rule"));
    if (step.about) say(step.about, "reason");
    for (const use of step.inputs) add(arrayView(data.tensors[use.tensor].value, use.title));
    for (const [name, text] of Object.entries(step.constants)) say(`${name} = ${text}`, "numbers");
    const output = data.tensors[step.output];
    add(make("h3", "Result"), arrayView(output.value, output.name));
  },
  seed(step) {
    say(step.say);
    add(arrayView(step.seed, "gradient to start from"));
  },
  backward(step) {
    const { name, gradients } = data.tensors[step.output];
    add(arrayView(step.incoming, `g, the gradient that came in at ${name}`));
    if (gradients.length > 1) say(`It is the sum of ${gradients.length} parts, all of which have arrived.`, "reason");
    for (const send of step.sends) addSent(send);
    for (const input of step.silent) say(`${input} is not differentiated: nothing is sent to it.`, "quiet");
  },
  end(step) {
    say(step.say);
    for (const { tensor, gradient } of step.parameters) {
      const name = data.tensors[tensor].name;
      if (gradient === null) say(`${name}: no gradient`, "quiet");
      else add(arrayView(gradient, `gradient of ${name}`));
    }
  },
};
function addSent(send) {
  add(make("h3", `To ${send.title}`), make("code", send.rule ?? "the source of this rule is not available", "rule"));
  if (send.numbers) say(send.numbers, "numbers");
  for (const [name, does] of Object.entries(send.helpers)) say(`${name}: ${does}`, "quiet");
  say(send.reason, "reason");
  for (const [name, number] of Object.entries(send.reads)) add(arrayView(number, name));
  for (const [name, text] of Object.entries(send.constants)) say(`${name} = ${text}`, "numbers");
  const sum = make("div", undefined, "sum");
  if (send.before === null) sum.append(arrayView(send.gives, "sent"));
  else sum.append(arrayView(send.before, "already there"), "+", arrayView(send.gives, "this"), "=", arrayView(send.total, "total so far"));
  add(sum);
  const { name, gradients } = data.tensors[send.tensor];
  const parts = gradients.length;
  const rest = send.arrived < parts ? `${parts - send.arrived} still to come.` : "the gradient is complete.";
  if (parts > 1) say(`${name} is used ${parts} times, so ${parts} gradients add up: ${send.arrived} of them here, ${rest}`, "reason");
}

// --- the picture -------------------------------------------------------------------------------
function gradientLine(tensor, step) {
  const arrived = tensor.gradients.filter(([when]) => when <= step);
  const parts = tensor.gradients.length;
  if (!arrived.length) return "grad -";
  return arrived.length < parts ? `grad ${arrived.length} of ${parts} parts` : `grad ${data.arrays[arrived.at(-1)[1]].text}`;
}
function draw(step, active) {
  for (const edge of edges) edge.classList.toggle("reversed", answered[edge.id] <= step);
  for (const element of [...nodes, ...edges]) {
    element.classList.toggle("waiting", !(born[element.id] <= step));
    element.classList.toggle("active", active.has(element.id));
  }
  for (const node of nodes) {
    const tensor = data.tensors[node.id];
    if (!tensor) continue;
    const waiting = !(born[node.id] <= step);
    const value = waiting ? "value -" : `value ${data.arrays[tensor.value].text}`;
    const gradient = gradientLine(tensor, step);
    const label = `${tensor.title}, ${value}, ${gradient}`;
    if (node.getAttribute("aria-label") === label) continue; // most stay as they are from step to step
    const lines = node.querySelectorAll("text");
    lines[1].textContent = value;
    if (lines.length > 2) lines[2].textContent = gradient;
    node.setAttribute("aria-label", label);
    const shown = [!waiting && tensor.wrong ? tensor.value : -1, answered[node.id] <= step ? tensor.gradients.at(-1)[1] : -1];
    node.classList.toggle("notfinite", shown.some((number) => data.arrays[number]?.notfinite));
  }
}
function reveal(node) {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  node.scrollIntoView({ block: "nearest", inline: "nearest", behavior });
}

// --- going from step to step -------------------------------------------------------------------
function show(wanted) {
  current = Math.min(Math.max(wanted, 0), steps.length - 1);
  const step = steps[current];
  const active = new Set([step.node, step.kind === "forward" ? step.output : undefined, ...(step.edges ?? [])]);
  draw(current, active);
  $("heading").textContent = step.title;
  $("details").className = step.kind;
  $("details").replaceChildren();
  panels[step.kind](step);
  $("panel").scrollTop = 0;
  $("slider").value = current;
  $("slider").setAttribute("aria-valuetext", `step ${current} of ${steps.length - 1}`);
  $("count").textContent = `${current} of ${steps.length - 1}`;
  $("status").textContent = `Step ${current}: ${step.say}`;
  $("first").disabled = $("back").disabled = current === 0;
  $("last").disabled = $("next").disabled = current === steps.length - 1;
  if (step.node) reveal($(step.node));
}
function go(step) {
  show(step);
  try {
    history.replaceState(null, "", `#step=${current}`);
  } catch {} // a sandboxed frame has no address of its own
  if (current === steps.length - 1) play(false);
}
function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => go(current + 1), 1200) : null;
  $("play").textContent = on ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", String(on));
}
function togglePlay() {
  if (timer === null && current === steps.length - 1) go(0);
  play(timer === null);
}
const firstOf = (kind) => steps.findIndex((step) => step.kind === kind || step.kind === "end");
const stepOf = (id) => (current >= firstOf("seed") ? answered[id] : undefined) ?? born[id] ?? answered[id];
const fromAddress = () => show(Number(/^#step=(\d+)$/.exec(location.hash)?.[1] ?? 0));
function find(event) {
  event.preventDefault();
  const wanted = $("find").value.trim().toLowerCase();
  const label = (node) => (data.tensors[node.id]?.title ?? node.textContent).toLowerCase();
  const found = wanted ? nodes.filter((node) => label(node).includes(wanted)) : [];
  const node = found[(found.findIndex((node) => node.classList.contains("found")) + 1) % found.length];
  nodes.forEach((other) => other.classList.toggle("found", other === node));
  $("matches").textContent = wanted ? `${found.length} found` : "";
  if (!node) return;
  go(stepOf(node.id));
  reveal(node);
}

const keys = {
  ArrowRight: () => go(current + 1),
  ArrowLeft: () => go(current - 1),
  Home: () => go(0),
  End: () => go(steps.length - 1),
  " ": togglePlay,
  f: () => go(firstOf("forward")),
  b: () => go(firstOf("seed")),
  e: () => go(firstOf("end")),
  "/": () => $("find").focus(),
};
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input[type=search]")) {
    if (key === "Escape") target.blur();
    return;
  }
  const presses = key === " " || key === "Enter";
  if (presses && target.matches("button, summary, input")) return; // they answer themselves
  const action = presses && target.matches("g.node") ? () => go(stepOf(target.id)) : keys[key] ?? keys[key.toLowerCase()];
  if (!action) return;
  action();
  event.preventDefault();
});
for (const node of nodes) node.addEventListener("click", () => go(stepOf(node.id)));
const buttons = { first: keys.Home, back: keys.ArrowLeft, next: keys.ArrowRight, last: keys.End, play: togglePlay };
for (const id in buttons) $(id).addEventListener("click", buttons[id]);
$("slider").max = steps.length - 1;
$("slider").addEventListener("input", () => go(Number($("slider").value)));
$("fit").addEventListener("change", () => $("picture").classList.toggle("fit", $("fit").checked));
$("finder").addEventListener("submit", find);
window.addEventListener("hashchange", fromAddress);
fromAddress();
