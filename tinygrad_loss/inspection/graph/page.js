"use strict";
// The state is one integer, the step. show(step) draws everything from the data, whatever was shown before.
const data = JSON.parse(document.getElementById("data").textContent);
const steps = data.steps;
const $ = (id) => document.getElementById(id);
const nodes = [...document.querySelectorAll("#picture g.node")];
const edges = [...document.querySelectorAll("#picture g.edge")];
const born = {}; // at which step a node or edge is reached by the forward pass
const answered = {}; // and by the backward pass
const still = matchMedia("(prefers-reduced-motion: reduce)");
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
function digits(x) {
  if (typeof x !== "number") return x;
  if (x !== 0 && Math.abs(x) < 1e-4) return x.toExponential(3).replace(/\.?0+e/, "e");
  return Math.abs(x) < 1e4 ? String(Number(x.toPrecision(4))) : x.toPrecision(4).replace(/\.?0+e/, "e");
}
function arrayView(number, caption) {
  const array = data.arrays[number];
  const figure = make("figure");
  const shape = array.shape.length ? ` (${array.shape.join(", ")}${array.shape.length === 1 ? "," : ""})` : "";
  figure.append(make("figcaption", caption + shape));
  if (array.heat) {
    figure.append(heatMap(array));
    figure.append(make("p", array.text + (array.cut ? `; shown: ${array.cut}` : ""), array.notfinite ? "wrong" : "quiet"));
    return figure;
  }
  if (!array.numbers.length) {
    figure.append(make("p", "empty", "quiet"));
    return figure;
  }
  const body = figure.appendChild(make("table", undefined, "numbers")).appendChild(make("tbody"));
  for (let i = 0; i < array.numbers.length; i += array.columns) {
    const row = body.appendChild(make("tr"));
    for (const x of array.numbers.slice(i, i + array.columns)) {
      row.append(make("td", digits(x), typeof x === "string" && /NaN|inf/.test(x) ? "wrong" : ""));
    }
  }
  return figure;
}
function heatMap(array) {
  const map = make("div", undefined, "heat");
  map.setAttribute("role", "img");
  map.setAttribute("aria-label", `heat map: ${array.text}`);
  map.style.gridTemplateColumns = `repeat(${array.columns}, 10px)`;
  const finite = array.numbers.filter((x) => typeof x === "number").map(Math.abs);
  const largest = Math.max(...finite, 1e-300);
  for (const x of array.numbers) {
    const cell = map.appendChild(make("span", typeof x === "string" ? "?" : x > 0 ? "+" : x < 0 ? "\u2212" : ""));
    cell.title = digits(x);
    if (typeof x === "string") cell.className = "wrong";
    else cell.style.backgroundColor = `rgba(var(--${x > 0 ? "positive" : "negative"}), ${(0.6 * Math.abs(x)) / largest})`;
  }
  return map;
}
function titled(use) {
  const tensor = data.tensors[use.tensor];
  return use.argument === tensor.name ? tensor.name : `${use.argument} = ${tensor.name}`;
}

// --- the panel: one function for each kind of step ---------------------------------------------
const panels = {
  start(step, panel) {
    panel.append(make("p", step.say));
    panel.append(make("p", "Go on with Next or the right arrow key; click a box or an ellipse to go to its step."));
  },
  forward(step, panel) {
    if (step.formula) panel.append(make("code", step.formula, "rule"));
    if (step.about) panel.append(make("p", step.about, "reason"));
    for (const use of step.inputs) panel.append(arrayView(data.tensors[use.tensor].value, titled(use)));
    for (const [name, text] of Object.entries(step.constants)) panel.append(make("p", `${name} = ${text}`, "numbers"));
    const output = data.tensors[step.output];
    panel.append(make("h3", "Result"), arrayView(output.value, output.name));
  },
  seed(step, panel) {
    panel.append(make("p", step.say), arrayView(step.seed, "gradient to start from"));
  },
  backward(step, panel) {
    const output = data.tensors[step.output];
    panel.append(arrayView(step.incoming, `g, the gradient that came in at ${output.name}`));
    if (output.parts > 1) panel.append(make("p", `It is the sum of ${output.parts} parts, all of which have arrived.`, "reason"));
    for (const send of step.sends) sent(send, panel);
    for (const name of step.silent) panel.append(make("p", `${name} is not differentiated: nothing is sent to it.`, "quiet"));
  },
  end(step, panel) {
    panel.append(make("p", step.say));
    for (const { tensor, gradient } of step.parameters) {
      const name = data.tensors[tensor].name;
      if (gradient === null) panel.append(make("p", `${name}: no gradient`, "quiet"));
      else panel.append(arrayView(gradient, `gradient of ${name}`));
    }
  },
};
function sent(send, panel) {
  const target = data.tensors[send.tensor];
  panel.append(make("h3", `To ${titled(send)}`));
  panel.append(make("code", send.rule ?? "the source of this rule is not available", "rule"));
  if (send.numbers) panel.append(make("p", send.numbers, "numbers"));
  for (const [name, does] of Object.entries(send.helpers)) panel.append(make("p", `${name}: ${does}`, "quiet"));
  panel.append(make("p", send.reason, "reason"));
  for (const [name, number] of Object.entries(send.reads)) panel.append(arrayView(number, name));
  for (const [name, text] of Object.entries(send.constants)) panel.append(make("p", `${name} = ${text}`, "numbers"));
  const sum = make("div", undefined, "sum");
  if (send.before !== null) sum.append(arrayView(send.before, "already there"), make("span", "+"));
  sum.append(arrayView(send.gives, send.before === null ? "sent" : "this"));
  if (send.before !== null) sum.append(make("span", "="), arrayView(send.total, "total so far"));
  panel.append(sum);
  if (target.parts > 1) {
    const missing = target.parts - send.arrived;
    const rest = missing ? `${missing} still to come.` : "the gradient is complete.";
    panel.append(make("p", `${target.name} is used ${target.parts} times, so ${target.parts} gradients add up: ${send.arrived} of them here, ${rest}`, "reason"));
  }
}

// --- the picture -------------------------------------------------------------------------------
function gradientLine(tensor, step) {
  const arrived = tensor.gradients.filter(([when]) => when <= step);
  if (!arrived.length) return "grad -";
  if (arrived.length < tensor.parts) return `grad ${arrived.length} of ${tensor.parts} parts`;
  return `grad ${data.arrays[arrived.at(-1)[1]].text}`;
}
function drawNodes(step, active) {
  for (const node of nodes) {
    const tensor = data.tensors[node.id];
    const waiting = !(born[node.id] <= step);
    node.classList.toggle("waiting", waiting);
    node.classList.toggle("active", active.has(node.id));
    if (!tensor) continue;
    const lines = node.querySelectorAll("text");
    const value = waiting ? "value -" : `value ${data.arrays[tensor.value].text}`;
    const gradient = gradientLine(tensor, step);
    const label = `${tensor.title}, ${value}, ${gradient}`;
    if (node.getAttribute("aria-label") !== label) { // most stay as they are from step to step
      lines[1].textContent = value;
      if (lines.length > 2) lines[2].textContent = gradient;
      node.setAttribute("aria-label", label);
    }
    const complete = tensor.gradients.length && tensor.gradients.at(-1)[0] <= step;
    const bad = (!waiting && data.arrays[tensor.value].notfinite) || (complete && data.arrays[tensor.gradients.at(-1)[1]].notfinite);
    node.classList.toggle("notfinite", Boolean(bad));
  }
}
function drawEdges(step, active) {
  for (const edge of edges) {
    const back = answered[edge.id] <= step;
    edge.classList.toggle("waiting", !(born[edge.id] <= step));
    edge.classList.toggle("reversed", back);
    edge.classList.toggle("active", active.has(edge.id));
    const label = edge.querySelector("text");
    if (label) label.style.visibility = back ? "visible" : "hidden";
  }
}
function scrollTo(node) {
  const frame = $("picture");
  const inside = frame.getBoundingClientRect();
  const box = node.getBoundingClientRect();
  frame.scrollTo({
    left: frame.scrollLeft + box.x + box.width / 2 - inside.x - inside.width / 2,
    top: frame.scrollTop + box.y + box.height / 2 - inside.y - inside.height / 2,
    behavior: still.matches ? "instant" : "smooth",
  });
}

// --- going from step to step -------------------------------------------------------------------
function show(wanted) {
  current = Math.min(Math.max(wanted, 0), steps.length - 1);
  const step = steps[current];
  const active = new Set([step.node, step.kind === "forward" ? step.output : undefined, ...(step.edges ?? [])]);
  drawNodes(current, active);
  drawEdges(current, active);
  const kinds = { forward: "Forward: ", backward: "Backward: " };
  $("heading").textContent = (kinds[step.kind] ?? "") + step.title;
  const panel = $("details");
  panel.className = step.kind;
  panel.replaceChildren();
  panels[step.kind](step, panel);
  $("panel").scrollTop = 0;
  $("slider").value = current;
  $("slider").setAttribute("aria-valuetext", `step ${current} of ${steps.length - 1}`);
  $("count").textContent = `${current} of ${steps.length - 1}`;
  $("status").textContent = `Step ${current}: ${step.say}`;
  $("first").disabled = $("back").disabled = current === 0;
  $("last").disabled = $("next").disabled = current === steps.length - 1;
  const node = step.node && $(step.node);
  if (node) scrollTo(node);
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
function stepOf(id) {
  const goingBack = current >= firstOf("seed");
  return (goingBack ? answered[id] : undefined) ?? born[id] ?? answered[id];
}
function firstOf(kind) {
  const i = steps.findIndex((step) => step.kind === kind);
  return i < 0 ? steps.length - 1 : i;
}
function fromAddress() {
  const match = /^#step=(\d+)$/.exec(location.hash);
  show(match ? Number(match[1]) : 0);
}
function find(text) {
  const wanted = text.trim().toLowerCase();
  const label = (node) => (data.tensors[node.id]?.title ?? node.textContent).toLowerCase();
  const found = wanted ? nodes.filter((node) => label(node).includes(wanted)) : [];
  const after = found.findIndex((node) => node === document.activeElement || node.classList.contains("found"));
  const node = found[(after + 1) % found.length];
  nodes.forEach((other) => other.classList.toggle("found", other === node));
  $("matches").textContent = wanted ? `${found.length} found` : "";
  if (!node) return;
  go(stepOf(node.id));
  scrollTo(node);
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
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input[type=search]")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const presses = event.key === " " || event.key === "Enter";
  if (target.matches("g.node") && presses) go(stepOf(target.id));
  else if (presses && target.matches("button, summary, input")) return; // they answer themselves
  else if (keys[event.key] ?? keys[event.key.toLowerCase()]) (keys[event.key] ?? keys[event.key.toLowerCase()])();
  else return;
  event.preventDefault();
});
for (const node of nodes) node.addEventListener("click", () => go(stepOf(node.id)));
$("first").addEventListener("click", keys.Home);
$("back").addEventListener("click", keys.ArrowLeft);
$("next").addEventListener("click", keys.ArrowRight);
$("last").addEventListener("click", keys.End);
$("play").addEventListener("click", togglePlay);
$("slider").max = steps.length - 1;
$("slider").addEventListener("input", () => go(Number($("slider").value)));
$("fit").addEventListener("change", () => $("picture").classList.toggle("fit", $("fit").checked));
$("finder").addEventListener("submit", (event) => {
  event.preventDefault();
  find($("find").value);
});
window.addEventListener("hashchange", fromAddress);
fromAddress();
