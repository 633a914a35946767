// The sheet that a list message opens: rows to choose from, and a button that sends the chosen one.
import { byId, h } from "./dom.js";

const [sheet, items, submit] = ["picker", "picker-items", "picker-send"].map(byId);
let opener = null; // what the focus goes back to
let picked = null; // takes the data of the row that was sent

/** Open the list of `message`; `onPick` is given the data of the row that is sent. */
export function openPicker(message, button, onPick) {
  [opener, picked] = [button, onPick];
  byId("picker-title").textContent = message.list_label;
  items.replaceChildren(...message.items.map(row));
  submit.disabled = true;
  sheet.hidden = false;
  items.scrollTop = 0;
  items.querySelector("input").focus({ preventScroll: true });
}

function row({ title, description, data }) {
  const radio = h("input", { type: "radio", name: "picker-item", value: data });
  const words = h("span", {}, h("b", {}, title), ...(description ? [h("small", {}, description)] : []));
  return h("label", { className: "item" }, words, radio);
}

export function closePicker() {
  if (sheet.hidden) return;
  sheet.hidden = true;
  items.replaceChildren();
  opener?.focus({ preventScroll: true });
}

/** Keep the focus within the sheet, and close it with Escape. */
function guard(event) {
  if (event.key === "Escape") (event.stopPropagation(), closePicker());
  if (event.key !== "Tab") return;
  const stops = [byId("picker-close"), items.querySelector("input:checked") ?? items.querySelector("input"), submit];
  const able = stops.filter((stop) => !stop.disabled);
  const step = event.shiftKey ? -1 : 1;
  event.preventDefault();
  able.at((able.indexOf(document.activeElement) + step) % able.length).focus();
}

export function bindPicker() {
  sheet.addEventListener("keydown", guard);
  items.addEventListener("change", () => (submit.disabled = false));
  byId("picker-close").addEventListener("click", closePicker);
  sheet.addEventListener("click", (event) => event.target === sheet && closePicker());
  byId("picker-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = items.querySelector("input:checked");
    if (!chosen) return;
    const send = picked;
    closePicker();
    send(chosen.value);
  });
}
