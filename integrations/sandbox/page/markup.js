// What bots write, as nodes: Telegram's HTML and WhatsApp's marks. Neither can bring anything but text and a few tags.
import { h } from "./dom.js";

/** A stretch that a tap copies. */
const copied = (...children) => h("code", { tabIndex: 0, role: "button", title: "Copy" }, ...children);

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
  return tag === "code" ? copied(...children) : h(tag, {}, ...children);
}

const MARKS = { "*": "b", _: "i", "~": "s" };

// ```mono``` over several lines, `mono` within one, or a mark that hugs its words and stands free on the outside.
const MARKED = /```([^]+?)```|`([^`\n]+)`|(?<![\p{L}\p{N}])([*_~])(?=[^\s*_~])([^\n]*?[^\s])\3(?![\p{L}\p{N}])/u;

/** WhatsApp text as nodes. A mark without its twin stays as it was typed. */
export function fromMarks(text) {
  const nodes = [];
  for (let rest = text; rest; ) {
    const found = MARKED.exec(rest);
    if (!found) {
      nodes.push(document.createTextNode(rest));
      break;
    }
    if (found.index) nodes.push(document.createTextNode(rest.slice(0, found.index)));
    const [all, block, inline, mark, inner] = found;
    nodes.push(mark ? h(MARKS[mark], {}, ...fromMarks(inner)) : copied(block ?? inline));
    rest = rest.slice(found.index + all.length);
  }
  return nodes;
}

/** WhatsApp text without its marks, for a quotation. */
export const withoutMarks = (text) => fromMarks(text).map((node) => node.textContent).join("");
