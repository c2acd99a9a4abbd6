// The picture at a step, and moving it.
const [nodes, edges] = ["node", "edge"].map((kind) => [...document.querySelectorAll(`#picture g.${kind}`)]);
const born = {}; // at which step a node or edge is reached by the forward pass
const answered = {}; // and by the backward pass
const [picture, svg] = [$("picture"), document.querySelector("#picture svg")];
const natural = { width: svg.width.baseVal.value, height: svg.height.baseVal.value }; // in CSS pixels
let zoom = 1;
steps.forEach((step, i) => {
  const when = step.kind === "forward" ? born : answered;
  if (step.node) when[step.node] ??= i;
  for (const edge of step.edges ?? []) when[edge] ??= i;
  if (step.kind === "forward") born[step.output] = i;
});
for (const id in tensors) {
  born[id] ??= 0;
  answered[id] = tensors[id].parts.at(-1)?.step;
}
function gradientLine(tensor, step) {
  const [arrived, all] = [tensor.parts.filter((part) => part.step <= step).length, tensor.parts.length];
  return `grad ${!arrived ? "-" : arrived < all ? `${arrived} of ${all} parts` : told(tensor, tensor.total)}`;
}
function draw(step, active) {
  for (const edge of edges) edge.classList.toggle("reversed", answered[edge.id] <= step);
  for (const element of [...nodes, ...edges]) {
    element.classList.toggle("waiting", !(born[element.id] <= step));
    element.classList.toggle("active", active.has(element.id));
  }
  for (const node of nodes) {
    const tensor = tensors[node.id];
    if (!tensor) continue;
    const waiting = !(born[node.id] <= step);
    const value = waiting ? "value -" : `value ${summary(tensor.array)}`;
    const gradient = gradientLine(tensor, step);
    const label = `${tensor.title}, ${value}, ${gradient}`;
    if (node.getAttribute("aria-label") === label) continue; // most stay as they are from step to step
    const lines = node.querySelectorAll("text");
    const width = node.querySelector("polygon, path").getBBox().width - 6;
    for (const [line, text] of [[lines[1], value], [lines[2]?.textContent.startsWith("grad ") && lines[2], gradient]]) {
      if (!line) continue;
      line.textContent = text;
      line.setAttribute("lengthAdjust", "spacingAndGlyphs"); // the box was laid out for the numbers of the beginning
      text.length * 6 > width ? line.setAttribute("textLength", width) : line.removeAttribute("textLength");
    }
    node.setAttribute("aria-label", label);
    node.classList.toggle("notfinite", (tensor.masks ? /NaN/ : /NaN|inf/).test(value) || /NaN|inf/.test(gradient));
  }
}
function drawSent(step) {
  for (const text of picture.querySelectorAll(".sent")) text.remove();
  for (const { edge, array: sent, ...send } of step.sends ?? []) {
    const path = $(edge)?.querySelector("path"); // of several uses by a folded group there is one edge
    if (!path) continue;
    const { x, y } = path.getPointAtLength(path.getTotalLength() / 2);
    const text = document.createElementNS(svg.namespaceURI, "text");
    text.textContent = short(sent, send);
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
  for (const size in natural) svg.style[size] = `${natural[size] * zoom}px`;
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
for (const [target, type] of [[picture, "scroll"], [window, "resize"]]) target.addEventListener(type, drawMap);
const fitAll = () => setZoom(whole());
const at = ({ clientX, clientY }) => [clientX - picture.getBoundingClientRect().left, clientY - picture.getBoundingClientRect().top];
let [drag, apart] = [null, 0]; // two fingers are so far apart
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
picture.addEventListener("pointerdown", ({ pointerType, button, clientX: x, clientY: y }) => {
  drag = pointerType === "mouse" && button === 0 ? { x, y, moved: false } : null;
});
addEventListener("pointermove", ({ clientX, clientY, buttons }) => {
  if (!drag || !(buttons & 1)) return;
  drag.moved ||= Math.hypot(clientX - drag.x, clientY - drag.y) > 4;
  if (!drag.moved) return;
  picture.scrollBy(drag.x - clientX, drag.y - clientY);
  [drag.x, drag.y] = [clientX, clientY];
});
picture.addEventListener("click", (event) => drag?.moved && event.stopPropagation(), { capture: true }); // it was no click
picture.addEventListener("dblclick", ({ target }) => target.closest("g.node") ?? fitAll());
