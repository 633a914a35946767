// Things to try: words and meters that type themselves, and faults to switch on.
import { act } from "./api.js";
import { byId, h, reconcile } from "./dom.js";

const TRIES = {
  en: ["500 14123456783", "token", "again", "status", "help"],
  sw: ["nunua 500 14123456783", "tokeni", "tena", "hali", "msaada"],
};

let me = null;
let type = null;

/** `write` puts words into the text box of the phone in hand. */
export function drawPanel(state, person, write) {
  [me, type] = [person, write];
  reconcile(byId("tries"), TRIES[person.language] ?? TRIES.en, (words) => words, (words) => typed(words, words));
  byId("meters-count").textContent = String(state.meters.length);
  reconcile(byId("meters"), state.meters, (meter) => meter.number, drawMeter);
  drawFaults(state.faults);
}

function typed(words, ...children) {
  const chip = h("button", { type: "button", className: "chip" }, ...children);
  chip.addEventListener("click", () => type(words));
  return chip;
}

const drawMeter = (meter) => h("li", {}, typed(meter.number, meter.number), h("span", {}, meter.about));

function drawFaults(faults) {
  const parties = [...new Set(faults.map((fault) => fault.party))];
  reconcile(byId("faults"), parties, (party) => party, drawParty);
  parties.forEach((party, index) => {
    const [fold, own] = [byId("faults").children[index], faults.filter((fault) => fault.party === party)];
    const on = own.filter((fault) => fault.left !== 0).length;
    const count = fold.querySelector(".count");
    count.textContent = on ? `${on} on` : String(own.length);
    count.classList.toggle("on", on > 0);
    reconcile(fold.lastChild, own, (fault) => fault.name, drawFault);
  });
}

function drawParty(party) {
  const summary = h("summary", {}, party, h("span", { className: "count" }));
  return h("details", { className: "fold", name: "fold" }, summary, h("div", { className: "faults" }));
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

export function bindPanel() {
  byId("quiet").addEventListener("click", () => act("close_window", { user: me.id, channel: "whatsapp" }));
}
