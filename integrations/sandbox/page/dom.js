// Small pieces of DOM. Nothing here, or anywhere on this page, parses markup into the live document.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
export function h(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

export function icon(name, className = "icon") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// The tags of Telegram's HTML style that we draw. Any other tag is read as the text within it.
const TAGS = { B: "b", STRONG: "b", I: "i", EM: "i", U: "u", INS: "u", S: "s", DEL: "s", CODE: "code", PRE: "pre" };

/** Bot markup as nodes: parsed in an inert document, then rebuilt from text and the tags above, without attributes. */
export function fromBotHtml(html) {
  const inert = new DOMParser().parseFromString(html, "text/html");
  return [...inert.body.childNodes].map(rebuilt);
}

function rebuilt(node) {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
  const children = [...node.childNodes].map(rebuilt);
  const tag = TAGS[node.nodeName];
  if (!tag) {
    const plain = document.createDocumentFragment();
    plain.append(...children);
    return plain;
  }
  if (tag !== "code") return h(tag, {}, ...children);
  return h("code", { tabIndex: 0, role: "button", title: "Copy" }, ...children);
}

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
        const focused = node.contains(document.activeElement);
        if (node === place) place = fresh;
        node.replaceWith(fresh);
        if (focused) fresh.querySelector("input, button")?.focus();
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
