// Ask, draw, ask again: one state drives the whole page.
import { act, state as ask } from "./api.js";
import { byId, segments } from "./dom.js";
import { bindHandset, drawHandset, forgetHandset } from "./handset.js";
import { bindPanel, drawPanel } from "./panel.js";
import { bindTelegram, chat as telegram, drawTelegram } from "./telegram.js";
import { bindWhatsApp, chat as whatsapp, drawWhatsApp } from "./whatsapp.js";

const RETRY_MILLISECONDS = 1000;
const SHEET_LINGERS_MILLISECONDS = 1500; // after the prompt, so that the SMS can be seen
const APPS = [{ value: "whatsapp", label: "WhatsApp" }, { value: "telegram", label: "Telegram" }];
const LANGUAGES = [{ value: "en", label: "English" }, { value: "sw", label: "Kiswahili" }];
const CHATS = { whatsapp, telegram };
const oneAtATime = matchMedia("(max-width: 720px)"); // as the style sheets have it

let person = Number(sessionStorage.getItem("person") ?? 0);
let app = sessionStorage.getItem("app") === "telegram" ? "telegram" : "whatsapp";
let asking = new AbortController();
let latest = null;
let rang = false;

function become(value) {
  person = Number(value);
  sessionStorage.setItem("person", value);
  forgetHandset();
  asking.abort();
}

/** Take one of the two phones in hand: what is typed on the page goes there, and a small screen shows it. */
function take(name) {
  if (app === name) return;
  app = name;
  sessionStorage.setItem("app", name);
  redraw();
}

function redraw() {
  drawApps();
  if (latest) draw(latest);
}

function drawApps() {
  document.body.dataset.app = app;
  segments(byId("apps"), APPS, app, take);
  for (const { value, label } of APPS) {
    const active = value === app;
    byId(value).classList.toggle("active", active);
    byId(value).ariaCurrent = String(active);
    if (active) byId("where").textContent = label;
  }
}

function draw(state) {
  latest = state;
  const me = state.people.find((one) => one.id === state.telegram.person);
  const choices = state.people.map((one) => ({ value: String(one.id), label: one.name }));
  segments(byId("people"), choices, String(me.id), become);
  segments(byId("languages"), LANGUAGES, me.language, (language) => act("language", { user: me.id, language }));
  byId("whatsapp-owner").textContent = `${me.name}, ${state.whatsapp.hidden ? "hidden" : me.phone}`;
  byId("telegram-owner").textContent = me.name;
  drawWhatsApp(state.whatsapp, app === "whatsapp" || !oneAtATime.matches);
  drawTelegram(state.telegram);
  drawHandset(state, ring);
  drawPanel(state, me, (words) => (open(""), CHATS[app].write(words)));
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
  if (!whatsapp.text.value && !telegram.text.value) byId("pin").focus({ preventScroll: true });
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

bindWhatsApp();
bindTelegram();
bindHandset();
bindPanel();
drawApps();
for (const { value } of APPS) {
  for (const touch of ["pointerdown", "focusin"]) byId(value).addEventListener(touch, () => take(value));
}
for (const tool of document.querySelectorAll(".tool")) {
  tool.addEventListener("click", () => open(document.body.dataset.sheet === tool.dataset.sheet ? "" : tool.dataset.sheet));
}
byId("veil").addEventListener("click", () => open(""));
document.addEventListener("keydown", (event) => event.key === "Escape" && open(""));
document.addEventListener("visibilitychange", redraw);
oneAtATime.addEventListener("change", redraw);
follow();
