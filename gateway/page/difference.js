// What differs between two JSON values, as a list of places. Pure.

/**
 * The places where two values differ, each `{path, before, after}`; a side that is not there is
 * `undefined`. Lists are compared place by place.
 */
export function differences(before, after, path = []) {
  if (Object.is(before, after)) return [];
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) =>
      differences(own(before, name), own(after, name), [...path, name]),
    );
  }
  return [{ path, before, after }];
}

const isTree = (value) => typeof value === "object" && value !== null;
const own = (tree, name) => (Object.hasOwn(tree, name) ? tree[name] : undefined);

/** A path as people write it: `lines[2].price`. */
export function written(path) {
  return path
    .map((part, place) => (/^\d+$/.test(part) ? `[${part}]` : place ? `.${part}` : part))
    .join("");
}

/** Paths as text that a tree can look its own places up by. */
export const place = (path) => path.map((part) => part.replace(/[~/]/g, (c) => `~${c === "~" ? 0 : 1}`)).join("/");
