// Going from step to step. The state is one integer, the step, and the numbers; show(step) draws everything from these.
let [current, card, timer] = [0, null, null]; // the card is the id of the tensor that is looked at
function look(id, focus = false) {
  const last = card;
  drawCard((card = id));
  $("panel").scrollTop = 0;
  if (focus) $(id === null ? last : "close").focus();
}
function show(wanted) {
  current = Math.min(Math.max(wanted, 0), steps.length - 1);
  $("panel").scrollTop = 0;
  refresh();
  if (steps[current].node) reveal($(steps[current].node));
  drawMap();
}
function refresh() { // what is shown, when the step or the numbers are others
  const step = steps[current];
  const active = new Set([step.node, step.kind === "forward" ? step.output : undefined, ...(step.edges ?? [])]);
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
  $("last").disabled = $("next").disabled = current === steps.length - 1;
  refreshUpdate();
}
function refreshTable() {
  const cell = (kind, id, text) => {
    const element = document.querySelector(`pre [data-${kind}="${id}"]`);
    if (element) element.textContent = text.padEnd(element.textContent.length);
  };
  for (const [id, tensor] of Object.entries(tensors)) {
    cell("value", id, summary(tensor.array));
    if (tensor.total) cell("gradient", id, told(tensor, tensor.total));
  }
}
function go(step) {
  show(step);
  try { history.replaceState(null, "", `#step=${current}`); } catch {} // a sandboxed frame has no address of its own
  if (current === steps.length - 1) play(false);
}
function play(on) {
  if (on && current === steps.length - 1) go(0);
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
  const label = (node) => words(tensors[node.id] ?? { title: node.textContent });
  const found = wanted ? nodes.filter((node) => label(node).includes(wanted)) : [];
  const node = found[(found.findIndex((node) => node.classList.contains("found")) + 1) % found.length];
  nodes.forEach((other) => other.classList.toggle("found", other === node));
  $("matches").textContent = wanted ? `${found.length} found` : "";
  if (node) reveal(node);
}
const keys = {
  ArrowRight: () => go(current + 1), ArrowLeft: () => go(current - 1), Home: () => go(0), End: () => go(steps.length - 1),
  f: () => go(firstOf("forward")), b: () => go(firstOf("seed")), e: () => go(firstOf("end")),
  " ": () => play(timer === null), "/": () => $("find").focus(), Escape: () => look(null, true),
};
const zoomKeys = { "+": () => setZoom(zoom * 1.25), "=": () => setZoom(zoom * 1.25), "-": () => setZoom(zoom / 1.25) };
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || (key.length === 1 && key !== " " && !$("single-keys").checked)) return;
  if (target.matches("input[type=search], input[type=text], input[type=number]")) return void (key === "Escape" && target.blur());
  const presses = key === " " || key === "Enter";
  if (presses && target.matches("button, summary, input")) return; // they answer themselves
  const opens = presses && target.matches("g.node[data-id]");
  const moves = picture.contains(target) && zoomKeys[key];
  const action = opens ? () => look(target.id, true) : moves || (keys[key] ?? keys[key.toLowerCase()]);
  if (!action || (key === "Escape" && card === null)) return;
  action();
  event.preventDefault();
});
for (const node of nodes) node.addEventListener("click", () => tensors[node.id] && look(node.id));
const buttons = {
  "take-step": takeStep, run: () => keepOn(running === null), reset,
  first: keys.Home, back: keys.ArrowLeft, next: keys.ArrowRight, last: keys.End, play: keys[" "],
  fit: fitAll, "zoom-in": zoomKeys["+"], "zoom-out": zoomKeys["-"],
};
for (const id in buttons) $(id).addEventListener("click", buttons[id]);
Object.assign($("slider"), { max: steps.length - 1, oninput: () => go(Number($("slider").value)) });
$("finder").addEventListener("submit", search);
window.addEventListener("hashchange", fromAddress);
const READABLE = 7 / 13.3; // at which the text is 7 pixels high
$("learning-rate").addEventListener("input", refresh);
setZoom(whole() < READABLE ? 0.6 : whole());
fromAddress();
