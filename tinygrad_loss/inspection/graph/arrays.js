// Arrays as tables or heat maps, whose cells can be read one by one: how a product or a sum comes about.
const [ROWS, COLUMNS, MOST] = [8, 5, 32]; // up to which an array is a table; rows and columns of a heat map
const indexOf = (shape, at) => stridesOf(shape).map((stride, axis) => Math.floor(at / stride) % shape[axis]).join(", ");
function gridOf(x, most = MOST) { // the matrix that is shown of an array: the place and the value of the element at a row and a column
  const columns = x.shape.at(-1) ?? 1;
  const rows = x.shape.length > 1 ? count(x.shape) / (columns || 1) : 1;
  const [height, width] = x.corner ?? [Math.min(rows, most), Math.min(columns, most)];
  const at = (i, j) => i * columns + j;
  return { rows, columns, height, width, at, value: (i, j) => (x.data ? x.data[at(i, j)] : x.shown[i * width + j]) };
}
function arrayView(x, caption, { holder = {}, as, cell = digits } = {}) {
  const { rows, columns, height, width, at, value } = gridOf(x, as === "table" ? Infinity : MOST);
  const isTable = as === "table" || (rows <= ROWS && columns <= COLUMNS);
  const seen = (x.data || x.shown) && rows * columns > 0 && x.text !== "changed since";
  const shape = x.shape.length === 1 ? `${x.shape},` : x.shape.join(", ");
  const figure = make("figure", "", make("figcaption", "", shape ? `${caption} (${shape})` : caption));
  if (seen) {
    const grid = make(isTable ? "table" : "div", isTable ? "numbers" : "heat");
    const most = largest({ data: x.data ?? x.shown }) || 1;
    grid.style.gridTemplateColumns = `repeat(${width}, var(--cell))`;
    figure.cells = Array.from({ length: height }, (_, i) => {
      const row = isTable ? grid.insertRow() : grid;
      return Array.from({ length: width }, (_, j) => {
        const [n, place] = [value(i, j), at(i, j)];
        const sign = Number.isFinite(n) ? (n > 0 ? "+" : n < 0 ? "\u2212" : "") : "?";
        const part = row.appendChild(isTable ? make("td", "", cell(n, x.kind, place)) : make("span", "", sign));
        if (!isTable) part.title = digits(n, x.kind);
        if (sign === "?") part.className = "wrong";
        else if (!isTable) part.style.backgroundColor = `rgba(var(--${n > 0 ? "positive" : "negative"}), ${(0.6 * Math.abs(n)) / most})`;
        if (holder.parts) Object.assign(part.dataset, { gradient: indexOf(x.shape, place).replaceAll(" ", ""), number: n });
        return part;
      });
    });
    figure.append(grid);
    if (!isTable) readable(figure, (i, j) => `[${indexOf(x.shape, at(i, j))}] ${digits(value(i, j), x.kind)}`, told(holder, x));
  }
  if (isTable && seen && !noise(holder, x)) return figure;
  const cuts = [[height, rows, "rows"], [width, columns, "columns"]].filter(([n, every]) => seen && n < every);
  const rest = cuts.length ? `; shown: the first ${cuts.map(([n, every, what]) => `${n} of ${every} ${what}`).join(", ")}` : "";
  figure.append(make("p", isWrong(x) ? "wrong" : rest ? "quiet" : "quiet whole", told(holder, x) + rest));
  return figure;
}
function readable(figure, describe, what, hint) { // the cell under the pointer or the cursor says what it is
  const { cells, children: [, grid] } = figure;
  const line = figure.appendChild(make("p", "readout", hint ?? ""));
  let [row, column] = [0, -1];
  const read = (i, j) => {
    [row, column] = [Math.min(Math.max(i, 0), cells.length - 1), Math.min(Math.max(j, 0), cells[0].length - 1)];
    for (const lit of document.querySelectorAll("#panel .lit")) lit.classList.remove("lit");
    line.textContent = describe(row, column);
    cells[row][column].classList.add("lit");
  };
  const point = ({ target }) => cells.forEach((line, i) => line.includes(target) && read(i, line.indexOf(target)));
  Object.assign(grid, { tabIndex: 0, role: "group", ariaLabel: `${what}. Arrow keys go from number to number.` });
  Object.assign(grid, { onpointerover: point, onclick: point, onfocus: () => column < 0 && read(0, 0) });
  grid.onkeydown = (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (move) [read(row + move[0], column + move[1]), event.preventDefault(), event.stopPropagation()];
  };
  line.ariaLive = "polite";
}
const times = (factors) => factors.reduce((a, b) => a * b);
function sumOf(numbers, width, total) { // a sum of products of so many factors, with as many digits as make it true
  const terms = (xs) => Array.from({ length: xs.length / width }, (_, k) => xs.slice(k * width, (k + 1) * width));
  const written = (texts) => {
    const every = terms(texts.map((x) => (x.startsWith("-") ? `(${x})` : x))).map((factors) => factors.join(" * "));
    return (every.length > 6 ? [...every.slice(0, 5), `... (${every.length} terms)`] : every).join(" + ");
  };
  return truly(numbers, number(total), (xs) => terms(xs).reduce((sum, factors) => sum + times(factors), 0), written) ?? number(total);
}
function product(left, right, made, names) { // laid out as on paper: the factors to the left of it and above it
  const [a, b, y] = [left, right, made].map((x, i) => arrayView(x, names[i]));
  const [inner, columns] = right.shape;
  const layout = make("div", "product", make("div"), b, a, y);
  const pair = (at, k) => [left.data[Math.floor(at / columns) * inner + k], right.data[k * columns + (at % columns)]];
  const factors = (at) => Array.from({ length: inner }, (_, k) => pair(at, k));
  if (inner + columns > 36) layout.style.setProperty("--cell", "5px"); // to fit in the panel
  readable(y, (i, j) => {
    for (const cell of [...a.cells[i], ...b.cells.map((row) => row[j])]) cell?.classList.add("lit");
    return sumOf(factors(i * columns + j).flat(), 2, made.data[i * columns + j]);
  }, "product", "Point at a number to see its row and its column.");
  return Object.assign(layout, { terms: (at) => factors(at).map(times) });
}
function sums(from, made, axes, names) { // each number is the sum of all that stand in its place
  const places = array(from.shape.map((n, axis) => (axes.includes(axis) ? 1 : n)), made.data.map((_, i) => i));
  const owner = broadcast(places, from.shape).data;
  const [a, y] = [from, made].map((x, i) => arrayView(x, names[i]));
  const terms = (at) => [...from.data].filter((_, place) => owner[place] === at);
  readable(y, (i, j) => {
    const k = gridOf(made).at(i, j);
    a.cells.forEach((row, r) => row.forEach((cell, c) => cell.classList.toggle("lit", owner[gridOf(from).at(r, c)] === k)));
    return sumOf(terms(k), 1, made.data[k]);
  }, "sums", "Point at a number to see what is added up.");
  return Object.assign(make("div", "sum", a, "\u2192", y), { terms, isLast: true });
}
function working(program, given, made, texts, caption) { // how the last product or sum comes about, cell by cell; null if there is none
  const { calls = [], text, constants } = programs[program] ?? {};
  if (!calls.length || !made.data?.length || !given.every((x) => x.data?.length && x.data.length === count(x.shape))) return null;
  const { result, read } = compute(program, given);
  const named = (part) => fill({ text: part, constants }, texts);
  const added = (register, from, axes, name) => Object.assign(sums(from, made, axes, [name, caption]), { shown: [register] });
  if (!same(result.shape, made.shape)) return added(programs[program].result, result, stretched(result.shape, made.shape), named(text));
  const [name, [x], axes] = calls.at(-1);
  if (name === "sum" && axes.length) return added(x, read(x), axes, texts[x] ?? "what is added up");
  const at = calls.findLastIndex(([name]) => name === "matmul");
  if (at < 0) return null;
  const [left, right, y] = [...calls[at][1], given.length + at].map(read);
  if (y.shape.length !== 2 || !y.data.length) return null;
  const plain = /^(\{\d+\}(?:\.m?T)?) @ (\{\d+\}(?:\.m?T)?)(?: [+-] [^@]*)?$/.exec(text);
  const names = plain?.slice(1) ?? ["the left factor", "the right factor"];
  const isLast = y === result;
  return Object.assign(product(left, right, y, [...names.map(named), isLast ? caption : "their product"]), { shown: calls[at][1], isLast });
}
