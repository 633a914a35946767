// Small pieces of DOM. Nothing here, or anywhere on this page, parses markup into the live document.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
export function h(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

/** Words for who listens instead of looking. */
export const unseen = (words) => h("span", { className: "unseen" }, words);

export function icon(name, className = "icon") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

const FOCUSABLE = "input, button, code";

/** Make `list` hold one child per item, in order, drawing again only the items that changed; the focus stays. */
export function reconcile(list, items, keyOf, draw) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const print = JSON.stringify(item);
    let node = old.get(key);
    old.delete(key);
    if (node?.dataset.print !== print) {
      const fresh = draw(item);
      Object.assign(fresh.dataset, { key, print });
      if (node) {
        fresh.classList.add("redrawn");
        const focused = [...node.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
        if (node === place) place = fresh;
        node.replaceWith(fresh);
        if (focused >= 0) fresh.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
      }
      node = fresh;
    }
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const gone of old.values()) gone.remove();
}

/** Radio buttons drawn as one segmented control: `choices` are {value, label, alert?}. */
export function segments(group, choices, chosen, onChoose) {
  const items = choices.map((choice) => ({ ...choice, on: choice.value === chosen }));
  reconcile(group, items, (item) => item.value, (item) => {
    const radio = h("input", { type: "radio", name: group.id, value: item.value, checked: item.on });
    radio.addEventListener("change", () => onChoose(item.value));
    return h("label", { className: item.alert ? "alert" : "" }, radio, h("span", {}, item.label));
  });
}

let toastTimer = 0;
export function toast(words) {
  const box = byId("toast");
  box.textContent = words;
  box.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.classList.remove("shown"), 2200);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("Select and copy: this browser does not let the page copy");
  }
}
