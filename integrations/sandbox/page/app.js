// Ask, draw, ask again: one state drives the whole page.
import { state as ask } from "./api.js";
import { bindChat, drawChat } from "./chat.js";
import { byId, segments } from "./dom.js";
import { bindHandset, drawHandset, forgetHandset } from "./handset.js";
import { drawPanel } from "./panel.js";

const RETRY_MILLISECONDS = 1000;
const SHEET_LINGERS_MILLISECONDS = 1500; // after the prompt, so that the SMS can be seen
let person = Number(sessionStorage.getItem("person") ?? 0);
let asking = new AbortController();

function choose(value) {
  person = Number(value);
  sessionStorage.setItem("person", value);
  forgetHandset();
  asking.abort();
}

let rang = false;

function draw(state) {
  const choices = state.people.map((one) => ({ value: String(one.id), label: one.name }));
  segments(byId("people"), choices, String(state.chat.person), choose);
  drawChat(state);
  drawHandset(state, ring);
  drawPanel(state);
  if (rang && !state.handsets.some((one) => one.prompt)) {
    rang = false;
    setTimeout(() => rang || open(""), SHEET_LINGERS_MILLISECONDS);
  }
}

/** A prompt came: say so, bring the sheet up on a small screen, and move to the PIN unless the person is writing. */
function ring(handset) {
  byId("announce").textContent = `${handset.name}’s handset asks for the M-PESA PIN.`;
  rang = true;
  open("handset");
  if (!byId("text").value) byId("pin").focus({ preventScroll: true });
}

function open(sheet) {
  if (sheet) document.body.dataset.sheet = sheet;
  else delete document.body.dataset.sheet;
  for (const tool of document.querySelectorAll(".tool")) {
    tool.setAttribute("aria-expanded", String(tool.dataset.sheet === sheet));
  }
}

async function follow() {
  let since = -1;
  for (;;) {
    asking = new AbortController();
    try {
      const state = await ask(since, person, asking.signal);
      byId("offline").hidden = true;
      since = state.revision;
      draw(state);
    } catch (error) {
      since = -1;
      if (error.name === "AbortError") continue;
      byId("offline").hidden = false;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }
}

bindChat();
bindHandset();
for (const tool of document.querySelectorAll(".tool")) {
  tool.addEventListener("click", () => open(document.body.dataset.sheet === tool.dataset.sheet ? "" : tool.dataset.sheet));
}
byId("veil").addEventListener("click", () => open(""));
document.addEventListener("keydown", (event) => event.key === "Escape" && open(""));
follow();
