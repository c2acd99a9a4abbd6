// Going from step to step. The state is one integer, the step, and the numbers; show(step) draws everything from these.
let [current, card, timer] = [0, null, null]; // the card is the id of the tensor that is looked at
function look(id, focus = false) {
  const last = card;
  drawCard((card = id));
  $("panel").scrollTop = 0;
  if (focus) (id === null ? (nodes.find((node) => idOf(node) === last) ?? picture) : $("close")).focus();
}
function show(wanted) {
  current = Math.min(Math.max(wanted, 0), furthest());
  $("panel").scrollTop = 0;
  const lost = svg.contains(document.activeElement);
  if (steps[current].node && !activeBox()) [open(pictures[0]), lost && picture.focus()];
  refresh();
  if (activeBox()) reveal(activeBox());
  drawMap();
}
function activeBox() {
  const [{ node, output, kind }, { group }] = [steps[current], svg.dataset];
  return nodes.find((box) => idOf(box) === (!group || kind === "seed" ? node : node === group ? output : null));
}
function enter(id) { // the picture of a group; null for the whole
  const [found, left] = [pictures.find((other) => (other.dataset.group ?? null) === id), svg.dataset.group];
  if (!found) return;
  open(found);
  refresh();
  reveal(activeBox() ?? nodes[0]);
  (id === null ? $(left) : picture).focus({ preventScroll: true });
}
function refresh() { // what is shown, when the step or the numbers are others
  const step = steps[current];
  const active = new Set([step.node, step.output, ...(step.edges ?? [])]);
  draw(current, active);
  $("heading").textContent = step.title;
  $("details").className = step.kind;
  $("details").replaceChildren();
  panels[step.kind](step);
  drawSent(step);
  drawCard();
  Object.assign($("slider"), { value: current, ariaValueText: `step ${current} of ${steps.length - 1}` });
  $("count").textContent = `${current} of ${steps.length - 1}`;
  $("status").textContent = `Step ${current}: ${status(step)}`;
  $("first").disabled = $("back").disabled = current === 0;
  $("last").disabled = $("next").disabled = current === furthest();
  refreshUpdate();
}
function refreshTable() {
  const cell = (kind, id, text) => {
    const element = document.querySelector(`pre [data-${kind}="${id}"]`);
    if (element) element.textContent = text.padEnd(element.textContent.length);
  };
  for (const [id, tensor] of Object.entries(tensors)) {
    cell("value", id, summary(tensor.array));
    if (tensor.total) cell("gradient", id, tensor.parts.some(asked) ? "?" : told(tensor, tensor.total));
  }
}
function go(step) {
  show(step);
  try { history.replaceState(null, "", `#step=${current}`); } catch {} // a sandboxed frame has no address of its own
  if (current === furthest()) play(false);
  $("answer")?.focus();
}
function play(on) {
  if (on && current === furthest()) go(0);
  clearInterval(timer);
  timer = on ? setInterval(() => go(current + 1), 1200) : null;
  $("play").textContent = on ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", String(on));
}
const firstOf = (kind) => steps.findIndex((step) => step.kind === kind || step.kind === "end");
const fromAddress = () => show(Number(/^#step=(\d+)$/.exec(location.hash)?.[1] ?? 0));
function search(event) {
  event.preventDefault();
  const wanted = $("find").value.trim().toLowerCase();
  const words = ({ title, made, op }) => [title, made, op].join(" ").toLowerCase();
  const label = (node) => words(tensors[idOf(node)] ?? { title: node.textContent });
  const found = wanted ? nodes.filter((node) => label(node).includes(wanted)) : [];
  const node = found[(found.findIndex((node) => node.classList.contains("found")) + 1) % found.length];
  nodes.forEach((other) => other.classList.toggle("found", other === node));
  $("matches").textContent = wanted ? `${found.length} found` : "";
  if (node) reveal(node);
}
const keys = {
  ArrowRight: () => go(current + 1), ArrowLeft: () => go(current - 1), Home: () => go(0), End: () => go(steps.length - 1),
  f: () => go(firstOf("forward")), b: () => go(firstOf("seed")), e: () => go(firstOf("end")),
  " ": () => play(timer === null), "/": () => $("find").focus(), Escape: () => (card === null ? svg === pictures[0] || enter(null) : look(null, true)),
};
const zoomKeys = { "+": () => setZoom(zoom * 1.25), "=": () => setZoom(zoom * 1.25), "-": () => setZoom(zoom / 1.25) };
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || (key.length === 1 && key !== " " && !$("single-keys").checked)) return;
  if (target.matches("input[type=search], input[type=text], input[type=number]")) return void (key === "Escape" && target.blur());
  const presses = key === " " || key === "Enter";
  if (presses && target.matches("button, summary, input")) return; // they answer themselves
  const opens = presses && target.matches("g.node");
  const moves = picture.contains(target) && zoomKeys[key];
  const action = opens ? () => press(target, true) : moves || (keys[key] ?? keys[key.toLowerCase()]);
  if (!action) return;
  action();
  event.preventDefault();
});
const closed = [...document.querySelectorAll("g.folded")].filter((box) => !pictures.some(({ dataset }) => dataset.group === idOf(box)));
for (const box of closed) [box.setAttribute("role", "img"), box.removeAttribute("tabindex")]; // a tangle, which was not laid out
const press = (node, focus) => (tensors[idOf(node)] ? look(idOf(node), focus) : enter(idOf(node)));
picture.addEventListener("click", ({ target, detail }) => detail < 2 && target.closest("g.node") && press(target.closest("g.node"))); // no double click
const buttons = {
  "take-step": takeStep, run: () => keepOn(running === null), reset,
  first: keys.Home, back: keys.ArrowLeft, next: keys.ArrowRight, last: keys.End, play: keys[" "],
  fit: fitAll, whole: () => enter(null), "zoom-in": zoomKeys["+"], "zoom-out": zoomKeys["-"],
};
for (const id in buttons) $(id).addEventListener("click", buttons[id]);
Object.assign($("slider"), { max: steps.length - 1, oninput: () => go(Number($("slider").value)) });
$("finder").addEventListener("submit", search);
window.addEventListener("hashchange", fromAddress);
$("learning-rate").addEventListener("input", refresh);
for (const other of data.quiz ? [...pictures].reverse() : [pictures[0]]) { // or the labels of a group would tell
  open(other);
  draw(0, new Set());
}
if (data.quiz) refreshTable();
fromAddress();
