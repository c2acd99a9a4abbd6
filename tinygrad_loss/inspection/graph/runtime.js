"use strict";
// The NumPy functions that ops and rules are made of. What they compute, and in which order, is recorded in Python
// (record.py): no derivative is written here. An array is { shape, data }, its numbers in the order of C, all as float64.
const { log1p, exp, abs, max, min } = Math;
const count = (shape) => shape.reduce((product, n) => product * n, 1);
const array = (shape, data = new Float64Array(count(shape))) => ({ shape, data });
const stridesOf = (shape) => shape.map((_, axis) => count(shape.slice(axis + 1)));
const same = (a, b) => a.length === b.length && a.every((n, i) => n === b[i]);
function view({ data }, shape, strides, offset = 0) {
  const made = array(shape);
  let i = 0;
  const fill = (axis, at) => {
    if (axis === shape.length) made.data[i++] = data[at];
    else for (let k = 0; k < shape[axis]; k++) fill(axis + 1, at + k * strides[axis]);
  };
  fill(0, offset);
  return made;
}
function broadcast(x, shape) {
  if (same(x.shape, shape)) return x;
  const [strides, added] = [stridesOf(x.shape), shape.length - x.shape.length];
  return view(x, shape, shape.map((_, axis) => (axis < added || x.shape[axis - added] === 1 ? 0 : strides[axis - added])));
}
function commonShape(shapes) {
  const axes = max(...shapes.map((shape) => shape.length));
  return Array.from({ length: axes }, (_, i) => shapes.map((shape) => shape.at(i - axes) ?? 1).find((n) => n !== 1) ?? 1);
}
const elementwise = (f) => (...inputs) => {
  const shape = commonShape(inputs.map((x) => x.shape));
  const [a, b, c] = inputs.map((x) => broadcast(x, shape).data);
  return array(shape, a.map((_, i) => f(a[i], b?.[i], c?.[i])));
};
const reduction = (f) => (x, axes, shape) => {
  const strides = stridesOf(x.shape);
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes); // what is reduced lies together
  const { data } = view(x, order.map((axis) => x.shape[axis]), order.map((axis) => strides[axis]));
  const n = count(axes.map((axis) => x.shape[axis]));
  return array(shape, Float64Array.from({ length: count(shape) }, (_, i) => f(data.subarray(i * n, (i + 1) * n))));
};
const sum = reduction((part) => part.reduce((a, b) => a + b, 0));
const stretched = (from, shape) => { // the axes along which an array of this shape was broadcast
  const added = from.length - shape.length;
  return [...from.keys()].filter((axis) => axis < added || (shape[axis - added] === 1 && from[axis] !== 1));
};
const fit = (g, shape) => (same(g.shape, shape) ? g : sum(g, stretched(g.shape, shape), shape)); // each copy sends a part
function matmul(a, b) { // of each pair of matrices in two stacks
  const [rows, inner, columns] = [a.shape.at(-2), a.shape.at(-1), b.shape.at(-1)];
  const stack = commonShape([a, b].map((x) => x.shape.slice(0, -2)));
  const [{ data: left }, { data: right }] = [a, b].map((x) => broadcast(x, [...stack, ...x.shape.slice(-2)]));
  const made = array([...stack, rows, columns]);
  for (let row = 0; row < count(stack) * rows; row++) {
    const start = Math.floor(row / rows) * inner * columns;
    for (let k = 0; k < inner; k++) {
      const x = left[row * inner + k];
      for (let j = 0; j < columns; j++) made.data[row * columns + j] += x * right[start + k * columns + j];
    }
  }
  return made;
}
function eliminated(a, b) { // the rows of each [a, b] in a stack, after Gauss's elimination has made a diagonal of a
  const [n, columns] = [a.shape.at(-1), b.shape.at(-1)];
  const stack = commonShape([a, b].map((x) => x.shape.slice(0, -2)));
  const [left, right] = [a, b].map((x) => broadcast(x, [...stack, ...x.shape.slice(-2)]).data);
  const row = (i) => [...left.subarray(i * n, (i + 1) * n), ...right.subarray(i * columns, (i + 1) * columns)];
  return Array.from({ length: count(stack) }, (_, at) => {
    const rows = Array.from({ length: n }, (_, i) => row(at * n + i));
    for (let k = 0; k < n; k++) {
      const pivot = rows.reduce((best, row, i) => (i >= k && abs(row[k]) > abs(rows[best][k]) ? i : best), k); // the largest
      [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
      for (const row of rows.filter((_, i) => i !== k)) {
        for (let j = row.length - 1; j >= k; j--) row[j] -= (row[k] / rows[k][k]) * rows[k][j];
      }
    }
    return rows;
  });
}
function solve(a, b) {
  const solved = eliminated(a, b).flatMap((rows) => rows.flatMap((row, i) => row.slice(rows.length).map((x) => x / row[i])));
  return array([...commonShape([a, b].map((x) => x.shape.slice(0, -2))), ...b.shape.slice(-2)], Float64Array.from(solved));
}
const identity = (n) => array([n, n], Float64Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)));
function logabsdet({ shape, data }) { // the logarithms of the pivots add up
  const found = eliminated({ shape, data }, array([shape.at(-1), 0])).map((rows) => rows.reduce((sum, row, i) => sum + Math.log(abs(row[i])), 0));
  return array(shape.slice(0, -2), Float64Array.from(found));
}
function erf(x) { // 2/sqrt(pi) e^(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...): all terms have one sign, so that none cancel
  if (!(Math.abs(x) < 6)) return Math.sign(x);
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}
const power = (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b); // where JavaScript has NaN
const functions = {
  ...Object.fromEntries(["exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign", "floor", "ceil"].map((name) => [name, elementwise(Math[name])])),
  arctan: elementwise(Math.atan), absolute: elementwise(abs), negative: elementwise((a) => -a), square: elementwise((a) => a * a), erf: elementwise(erf),
  add: elementwise((a, b) => a + b), subtract: elementwise((a, b) => a - b), multiply: elementwise((a, b) => a * b),
  divide: elementwise((a, b) => a / b), power: elementwise(power), maximum: elementwise((a, b) => max(a, b)), minimum: elementwise((a, b) => min(a, b)),
  logaddexp: elementwise((a, b) => (a === b ? a + Math.LN2 : max(a, b) + log1p(exp(-abs(a - b))))),
  isnan: elementwise((a) => Number(a !== a)), isfinite: elementwise((a) => Number(Number.isFinite(a))),
  equal: elementwise((a, b) => Number(a === b)), not_equal: elementwise((a, b) => Number(a !== b)),
  less: elementwise((a, b) => Number(a < b)), less_equal: elementwise((a, b) => Number(a <= b)),
  greater: elementwise((a, b) => Number(a > b)), greater_equal: elementwise((a, b) => Number(a >= b)),
  bitwise_or: elementwise((a, b) => a | b), bitwise_and: elementwise((a, b) => a & b), logical_not: elementwise((a) => Number(!a)),
  logical_or: elementwise((a, b) => Number(Boolean(a) || Boolean(b))), logical_and: elementwise((a, b) => Number(Boolean(a) && Boolean(b))),
  where: elementwise((condition, a, b) => (condition ? a : b)), clip: elementwise((x, low, high) => min(max(x, low), high)),
  sum, mean: reduction((part) => part.reduce((a, b) => a + b, 0) / part.length), prod: reduction((part) => part.reduce((a, b) => a * b, 1)),
  max: reduction((part) => part.reduce((a, b) => max(a, b))), min: reduction((part) => part.reduce((a, b) => min(a, b))),
  any: reduction((part) => Number(part.some(Boolean))), all: reduction((part) => Number(part.every(Boolean))),
  matmul, solve, logabsdet, inv: (a) => solve(a, identity(a.shape.at(-1))), view,
  take: (x, places) => array(places.shape, Float64Array.from(places.data, (at) => x.data[at])),
  put(base, part, places, added) {
    const made = Float64Array.from(base.data);
    broadcast(part, places.shape).data.forEach((x, i) => (made[places.data[i]] = x + (added ? made[places.data[i]] : 0)));
    return array(base.shape, made);
  },
  cumsum({ shape, data }, axis) {
    const [step, sums] = [stridesOf(shape)[axis], Float64Array.from(data)];
    data.forEach((x, i) => (sums[i] += Math.floor(i / step) % shape[axis] ? sums[i - step] : 0));
    return array(shape, sums);
  },
  concatenate(...rest) { // each array is a block of so many numbers, as often as there are rows before the axis
    const [axis, shape] = rest.splice(-2);
    const rows = count(shape.slice(0, axis));
    const block = ({ data }, row) => data.subarray((row * data.length) / rows, ((row + 1) * data.length) / rows);
    return array(shape, Float64Array.from(Array.from({ length: rows }, (_, row) => rest.flatMap((x) => [...block(x, row)])).flat()));
  },
};
const toNumber = (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : Number(x)); // JSON has no inf
const filled = ({ shape = [], full }) => array(shape, new Float64Array(count(shape)).fill(toNumber(full)));
function run({ calls, constants, result }, given, arrays) { // the result, and a way to read each register
  const registers = [...given];
  const fixed = constants.map((x) => arrays[x.array] ?? filled(x.shape ? x : { full: x }));
  const read = (register) => (register < 0 ? fixed[-1 - register] : registers[register]);
  for (const [name, inputs, ...others] of calls) {
    const placed = name === "take" || name === "put" ? [arrays[others[0]], ...others.slice(1)] : others;
    registers.push(functions[name](...inputs.map(read), ...placed));
  }
  return { result: read(result), read };
}
