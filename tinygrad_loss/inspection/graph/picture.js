// The picture at a step, and moving it.
const [picture, pictures] = [$("picture"), [...document.querySelectorAll("#picture svg")]]; // of all, and of what it folds
const born = {}; // at which step a node or edge is reached by the forward pass
const answered = {}; // and by the backward pass
let svg, nodes, edges, natural, scale, zoom; // of the picture that is shown: its size in CSS pixels, and the scale of the map
steps.forEach((step, i) => {
  const when = step.kind === "forward" ? born : answered;
  if (step.node) when[step.node] ??= i;
  for (const edge of step.edges ?? []) when[edge] ??= i;
  if (step.kind === "forward") born[step.output] = i;
});
const idOf = (element) => element.dataset.id ?? element.id; // a picture of a group has ids of its own
for (const id in tensors) {
  born[id] ??= 0;
  answered[id] = tensors[id].parts.at(-1)?.step;
}
function gradientLine(tensor, step) {
  const [arrived, all] = [tensor.parts.filter((part) => part.step <= step && !asked(part)).length, tensor.parts.length];
  return `grad ${!arrived ? "-" : arrived < all ? `${arrived} of ${all} parts` : told(tensor, tensor.total)}`;
}
function drawGroup(node) { // whether there is a NaN or an inf inside, unless it is there by design
  const inside = steps.filter((step) => step.made && step.node === idOf(node)).map((step) => tensors[step.output]);
  const wrong = inside.some(({ array: x, total, masks }) => (masks ? /NaN/.test(summary(x)) : isWrong(x)) || (total && isWrong(total)));
  node.classList.toggle("notfinite", wrong);
  node.ariaLabel = node.ariaLabel.replace(/, NaN or inf inside|$/, wrong ? ", NaN or inf inside" : "");
  for (const line of node.querySelectorAll("text")) if (/^NaN/.test(line.textContent)) line.style.visibility = wrong ? "" : "hidden";
}
function draw(step, active) {
  for (const edge of edges) edge.classList.toggle("reversed", answered[idOf(edge)] <= step);
  for (const element of [...nodes, ...edges]) {
    element.classList.toggle("waiting", !(born[idOf(element)] <= step));
    element.classList.toggle("active", active.has(idOf(element)));
  }
  for (const node of nodes) {
    const tensor = tensors[idOf(node)];
    if (!tensor) drawGroup(node);
    if (!tensor) continue;
    const waiting = !(born[idOf(node)] <= step);
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
  const labeled = []; // edges, of which one can carry several
  for (const { edges: ids, array: sent, ...send } of step.sends ?? []) {
    const drawn = edges.find((edge) => ids.includes(idOf(edge)));
    if (!drawn) continue;
    const path = drawn.querySelector("path");
    const [{ x, y }, lower] = [path.getPointAtLength(path.getTotalLength() / 2), 11 * labeled.filter((other) => other === drawn).length];
    const text = document.createElementNS(svg.namespaceURI, "text");
    text.textContent = asked({ array: sent, ...send }) ? "?" : short(sent, send);
    for (const [name, value] of Object.entries({ class: "sent", x, y: y + lower, "aria-hidden": true })) text.setAttribute(name, value);
    drawn.parentNode.append(text);
    labeled.push(drawn);
  }
}
// --- moving the picture: only when asked to, or if the active node is out of view ------------------
function reveal(node) {
  const [outer, inner] = [picture, node].map((element) => element.getBoundingClientRect());
  const beyond = (low, high, from, to) => (low < from ? low - from - 12 : high > to ? Math.min(high - to + 12, low - from) : 0);
  picture.scrollLeft += beyond(inner.left, inner.right, outer.left, outer.left + picture.clientWidth);
  picture.scrollTop += beyond(inner.top, inner.bottom, outer.top, outer.top + picture.clientHeight);
}
const READABLE = 7 / 13.3; // at which the text is 7 pixels high
const whole = () => Math.min(1, picture.clientWidth / natural.width, picture.clientHeight / natural.height);
function setZoom(wanted, x = picture.clientWidth / 2, y = picture.clientHeight / 2) {
  const before = zoom; // what is at (x, y) stays there
  const [left, top] = [picture.scrollLeft + x, picture.scrollTop + y];
  zoom = Math.min(Math.max(wanted, Math.min(whole(), 0.1)), 4);
  for (const size in natural) svg.style[size] = `${natural[size] * zoom}px`;
  picture.scrollTo((left * zoom) / before - x, (top * zoom) / before - y);
  drawMap();
}
function open(shown) { // one of the pictures
  svg = shown;
  for (const box of document.querySelectorAll(".found")) box.classList.remove("found");
  $("matches").textContent = "";
  for (const other of pictures) other.toggleAttribute("hidden", other !== svg);
  [nodes, edges] = ["node", "edge"].map((kind) => [...svg.querySelectorAll(`g.${kind}`)]);
  natural = { width: svg.width.baseVal.value, height: svg.height.baseVal.value };
  scale = Math.min(160 / natural.width, 160 / natural.height);
  [map.width, map.height] = [natural.width * scale, natural.height * scale];
  $("whole").hidden = svg === pictures[0];
  zoom = 1;
  setZoom(whole() < READABLE ? 0.6 : whole());
}
const map = $("map"); // where one does not see all
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
