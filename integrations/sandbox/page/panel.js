// Things to try: words and meters that type themselves, and faults to switch on.
import { act } from "./api.js";
import { write } from "./chat.js";
import { byId, h, reconcile } from "./dom.js";

const TRIES = ["500 14123456783", "token", "again", "status", "help"];

export function drawPanel(state) {
  reconcile(byId("tries"), TRIES, (words) => words, (words) => typed(words, words));
  reconcile(byId("meters"), state.meters, (meter) => meter.number, drawMeter);
  drawFaults(state.faults);
}

function typed(words, ...children) {
  const chip = h("button", { type: "button", className: "chip" }, ...children);
  chip.addEventListener("click", () => (delete document.body.dataset.sheet, write(words)));
  return chip;
}

const drawMeter = (meter) => h("li", {}, typed(meter.number, meter.number), h("span", {}, meter.about));

function drawFaults(faults) {
  const parties = [...new Set(faults.map((fault) => fault.party))];
  reconcile(byId("faults"), parties, (party) => party, (party) => h("section", { className: "faults" }, h("h3", {}, party), h("div")));
  parties.forEach((party, index) => {
    const list = byId("faults").children[index].lastChild;
    reconcile(list, faults.filter((fault) => fault.party === party), (fault) => fault.name, drawFault);
  });
}

function drawFault(fault) {
  const box = h("input", { type: "checkbox", checked: fault.left !== 0 });
  box.setAttribute("role", "switch");
  box.dataset.left = fault.left < 0 ? "∞" : `${fault.left}×`;
  box.addEventListener("change", () => {
    const times = Number(document.querySelector("input[name=times]:checked").value);
    act("fault", { name: fault.name, times: box.checked ? times : 0 });
  });
  return h("label", { className: "fault" }, h("span", {}, fault.sentence), box);
}
