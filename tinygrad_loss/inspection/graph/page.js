"use strict";
// The state is one integer, the step. show(step) draws everything from the data, whatever was shown before.
const data = JSON.parse(document.getElementById("data").textContent);
const steps = data.steps;
const $ = (id) => document.getElementById(id);
const nodes = [...document.querySelectorAll("#picture g.node")];
const edges = [...document.querySelectorAll("#picture g.edge")];
const born = {}; // at which step a node or edge is reached by the forward pass
const answered = {}; // and by the backward pass
const picture = $("picture");
const svg = picture.querySelector("svg");
const natural = { width: svg.width.baseVal.value, height: svg.height.baseVal.value }; // in CSS pixels
let current = 0;
let card = null; // the id of the tensor that is looked at
let zoom = 1;
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
const digits = (x) => (typeof x === "number" && !(Number.isInteger(x) && Math.abs(x) < 1e9) ? String(Number(x.toPrecision(4))) : x);
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
    say("Go on with Next or the right arrow key; click a box to see all about it.");
  },
  forward(step) {
    if (step.formula) add(make("code", step.formula, "rule"));
    if (step.about) say(step.about, "reason");
    for (const { value, name } of step.inputs.map((id) => data.tensors[id])) add(arrayView(value, name));
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
    add(arrayView(gradients.at(-1)[1], `g, the gradient that came in at ${name}`));
    if (gradients.length > 1) say(`It is the sum of ${gradients.length} parts, all of which have arrived.`, "reason");
    for (const send of step.sends) addSent(send);
    for (const input of step.silent) say(`${input} is not differentiated: nothing is sent to it.`, "quiet");
  },
  end(step) {
    say(step.say);
    for (const { name, gradients } of Object.values(data.tensors).filter(({ made }) => made === "parameter")) {
      if (gradients.length) add(arrayView(gradients.at(-1)[1], `gradient of ${name}`));
      else say(`${name}: no gradient`, "quiet");
    }
  },
};
function addSent(send) {
  const { name, gradients } = data.tensors[send.tensor];
  add(make("h3", `To ${name}`), make("code", send.rule ?? "the source of this rule is not available", "rule"));
  if (send.numbers) say(send.numbers, "numbers");
  for (const [helper, does] of Object.entries(send.helpers)) say(`${helper}: ${does}`, "quiet");
  say(send.reason, "reason");
  for (const [read, number] of Object.entries(send.reads)) add(arrayView(number, read));
  for (const [constant, text] of Object.entries(send.constants)) say(`${constant} = ${text}`, "numbers");
  const sum = make("div", undefined, "sum");
  if (send.before === null) sum.append(arrayView(send.gives, "sent"));
  else sum.append(arrayView(send.before, "already there"), "+", arrayView(send.gives, "this"), "=", arrayView(send.total, "total so far"));
  add(sum);
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
    if (lines[2]?.textContent.startsWith("grad ")) lines[2].textContent = gradient;
    node.setAttribute("aria-label", label);
    const shown = [!waiting && tensor.wrong ? tensor.value : -1, answered[node.id] <= step ? tensor.gradients.at(-1)[1] : -1];
    node.classList.toggle("notfinite", shown.some((number) => data.arrays[number]?.notfinite));
  }
}
function drawSent(step) {
  for (const text of picture.querySelectorAll(".sent")) text.remove();
  for (const { edge, short } of step.sends ?? []) {
    const path = $(edge)?.querySelector("path"); // of several uses by a folded group there is one edge
    if (!path) continue;
    const { x, y } = path.getPointAtLength(path.getTotalLength() / 2);
    const text = document.createElementNS(svg.namespaceURI, "text");
    text.textContent = short;
    for (const [name, value] of Object.entries({ class: "sent", x, y, "aria-hidden": true })) text.setAttribute(name, value);
    $(edge).parentNode.append(text);
  }
}

// --- moving the picture: only when asked to, or if the active node is out of view ------------------
function reveal(node) {
  const [outer, inner] = [picture, node].map((element) => element.getBoundingClientRect());
  const beyond = (low, high, from, to) => (low < from ? low - from - 12 : high > to ? Math.min(high - to + 12, low - from) : 0);
  picture.scrollLeft += beyond(inner.left, inner.right, outer.left, outer.left + picture.clientWidth);
  picture.scrollTop += beyond(inner.top, inner.bottom, outer.top, outer.top + picture.clientHeight);
}
const whole = () => Math.min(1, picture.clientWidth / natural.width, picture.clientHeight / natural.height);
function setZoom(wanted, x = picture.clientWidth / 2, y = picture.clientHeight / 2) {
  const before = zoom; // what is at (x, y) stays there
  const [left, top] = [picture.scrollLeft + x, picture.scrollTop + y];
  zoom = Math.min(Math.max(wanted, Math.min(whole(), 0.1)), 4);
  svg.style.width = `${natural.width * zoom}px`;
  svg.style.height = `${natural.height * zoom}px`;
  picture.scrollTo((left * zoom) / before - x, (top * zoom) / before - y);
  drawMap();
}
const map = $("map");
const scale = Math.min(160 / natural.width, 160 / natural.height); // of the map, where one does not see all
[map.width, map.height] = [natural.width * scale, natural.height * scale];
function drawMap() {
  map.hidden = zoom <= whole() * 1.01;
  const [{ color, fill, stroke }, paper] = [getComputedStyle(map), map.getContext("2d")];
  const [{ left, top }, ratio] = [svg.getBoundingClientRect(), scale / zoom];
  const block = (element) => {
    const box = element.getBoundingClientRect();
    return [(box.left - left) * ratio, (box.top - top) * ratio, box.width * ratio, box.height * ratio];
  };
  paper.clearRect(0, 0, map.width, map.height);
  for (const node of map.hidden ? [] : nodes) {
    paper.fillStyle = node.classList.contains("active") ? fill : color;
    paper.fillRect(...block(node));
  }
  [paper.strokeStyle, paper.lineWidth] = [stroke, 3];
  paper.strokeRect(...block(picture));
}
map.addEventListener("click", ({ offsetX, offsetY }) => {
  picture.scrollTo((offsetX / scale) * zoom - picture.clientWidth / 2, (offsetY / scale) * zoom - picture.clientHeight / 2);
});
picture.addEventListener("scroll", drawMap);
addEventListener("resize", drawMap);
const fit = () => setZoom(whole());
const at = ({ clientX, clientY }) => [clientX - picture.getBoundingClientRect().left, clientY - picture.getBoundingClientRect().top];
let drag = null;
let apart = 0; // two fingers
picture.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return; // a bare wheel scrolls, as everywhere
  event.preventDefault();
  setZoom(zoom * Math.exp(-event.deltaY / 400), ...at(event));
}, { passive: false });
picture.addEventListener("touchmove", (event) => {
  if (event.touches.length !== 2) return void (apart = 0);
  event.preventDefault();
  const [a, b] = event.touches;
  const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  if (apart) setZoom((zoom * now) / apart, ...at({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 }));
  apart = now;
}, { passive: false });
picture.addEventListener("touchend", () => (apart = 0));
picture.addEventListener("pointerdown", (event) => {
  drag = event.pointerType === "mouse" && event.button === 0 ? { x: event.clientX, y: event.clientY, moved: false } : null;
});
addEventListener("pointermove", ({ clientX, clientY, buttons }) => {
  if (!drag || !(buttons & 1)) return;
  drag.moved ||= Math.hypot(clientX - drag.x, clientY - drag.y) > 4;
  if (!drag.moved) return;
  picture.scrollBy(drag.x - clientX, drag.y - clientY);
  [drag.x, drag.y] = [clientX, clientY];
});
picture.addEventListener("click", (event) => {
  if (drag?.moved) event.stopPropagation(); // it was no click
}, { capture: true });
picture.addEventListener("dblclick", (event) => {
  if (!event.target.closest("g.node")) fit();
});

// --- the card: all about one tensor --------------------------------------------------------------
function look(id, focus = false) {
  const last = card;
  card = id;
  drawCard();
  $("panel").scrollTop = 0;
  if (focus) $(id === null ? last : "close").focus();
}
function link(step, text) {
  const button = make("button", text, "link");
  button.addEventListener("click", () => go(step));
  return button;
}
function drawCard() {
  for (const node of nodes) node.classList.toggle("opened", node.id === card);
  const focused = $("card").contains(document.activeElement);
  $("card").hidden = card === null;
  $("card").replaceChildren();
  if (card === null) return;
  const { name, made, inside, value, gradients } = data.tensors[card];
  const close = make("button", "Close");
  close.id = "close";
  close.addEventListener("click", () => look(null, true));
  const heading = make("h2", name);
  heading.id = "card-name";
  if (focused) setTimeout(() => $("close")?.focus()); // which is made anew at every step
  const madeAt = steps.findIndex((step) => step.kind === "forward" && step.output === card);
  const origin = make("p", `${made}${inside ? `, in ${inside}` : ""} `);
  if (madeAt >= 0) origin.append(link(madeAt, `step ${madeAt}`));
  $("card").append(close, heading, origin, arrayView(value, born[card] <= current ? "value" : "value, still to be computed"));
  const arrived = gradients.filter(([when]) => when <= current);
  if (!gradients.length) return void $("card").append(make("p", "It has no gradient.", "quiet"));
  const soFar = arrived.length ? `gradient so far, ${arrived.length} of ${gradients.length} parts` : "gradient so far: none has arrived";
  if (arrived.length < gradients.length) $("card").append(arrived.length ? arrayView(arrived.at(-1)[1], soFar) : make("p", soFar, "quiet"));
  $("card").append(arrayView(gradients.at(-1)[1], "gradient in the whole pass"));
  const parts = make("ul");
  steps.forEach((step, i) => {
    for (const send of step.sends ?? []) {
      if (send.tensor !== card) continue;
      const part = make("li", `${data.arrays[send.gives].text} from ${data.tensors[step.output].name}, `);
      part.append(link(i, `step ${i}`));
      parts.append(part);
    }
  });
  if (parts.children.length) $("card").append(make("p", parts.children.length > 1 ? "It is the sum of" : "It came as"), parts);
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
  drawSent(step);
  drawCard();
  $("slider").value = current;
  $("slider").setAttribute("aria-valuetext", `step ${current} of ${steps.length - 1}`);
  $("count").textContent = `${current} of ${steps.length - 1}`;
  $("status").textContent = `Step ${current}: ${step.say}`;
  $("first").disabled = $("back").disabled = current === 0;
  $("last").disabled = $("next").disabled = current === steps.length - 1;
  if (step.node) reveal($(step.node));
  drawMap();
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
const fromAddress = () => show(Number(/^#step=(\d+)$/.exec(location.hash)?.[1] ?? 0));
function search(event) {
  event.preventDefault();
  const wanted = $("find").value.trim().toLowerCase();
  const words = ({ title, made, op }) => [title, made, op].join(" ").toLowerCase();
  const label = (node) => words(data.tensors[node.id] ?? { title: node.textContent });
  const found = wanted ? nodes.filter((node) => label(node).includes(wanted)) : [];
  const node = found[(found.findIndex((node) => node.classList.contains("found")) + 1) % found.length];
  nodes.forEach((other) => other.classList.toggle("found", other === node));
  $("matches").textContent = wanted ? `${found.length} found` : "";
  if (node) reveal(node);
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
  Escape: () => look(null, true),
};
const zoomKeys = { "+": () => setZoom(zoom * 1.25), "=": () => setZoom(zoom * 1.25), "-": () => setZoom(zoom / 1.25) };
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || (key.length === 1 && key !== " " && !$("single-keys").checked)) return;
  if (target.matches("input[type=search]")) {
    if (key === "Escape") target.blur();
    return;
  }
  const presses = key === " " || key === "Enter";
  if (presses && target.matches("button, summary, input")) return; // they answer themselves
  const opens = presses && target.matches("g.node[data-id]");
  const moves = picture.contains(target) && zoomKeys[key];
  const action = opens ? () => look(target.id, true) : moves || (keys[key] ?? keys[key.toLowerCase()]);
  if (!action || (key === "Escape" && card === null)) return;
  action();
  event.preventDefault();
});
for (const node of nodes) node.addEventListener("click", () => data.tensors[node.id] && look(node.id));
const buttons = {
  first: keys.Home, back: keys.ArrowLeft, next: keys.ArrowRight, last: keys.End, play: togglePlay,
  fit, "zoom-in": zoomKeys["+"], "zoom-out": zoomKeys["-"],
};
for (const id in buttons) $(id).addEventListener("click", buttons[id]);
$("slider").max = steps.length - 1;
$("slider").addEventListener("input", () => go(Number($("slider").value)));
$("finder").addEventListener("submit", search);
window.addEventListener("hashchange", fromAddress);
const READABLE = 7 / 13.3; // at which the text is 7 pixels high
setZoom(whole() < READABLE ? 0.6 : whole());
fromAddress();
