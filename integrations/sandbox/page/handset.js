// The payer's handset: balance and SMS when idle, the operator's PIN prompt when one comes.
import { act } from "./api.js";
import { byId, h, icon, reconcile, segments } from "./dom.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "erase", "0"];
const [pin, form] = ["pin", "prompt"].map(byId);
let shown = null; // msisdn of the handset on screen
let live = null; // its prompt, or null
let closesAt = 0; // on performance.now()'s scale, in milliseconds
const arrived = new Map(); // texts in the order they were first seen, since each sender's come in a list of their own
const seen = new Set(); // prompts that were already brought to the front

/** Draw the handset in hand; a new prompt on any handset brings that one up. Calls `ring` for a new prompt. */
export function drawHandset(state, ring) {
  const fresh = state.handsets.find((handset) => handset.prompt && !seen.has(handset.prompt.id));
  const own = state.handsets.find((handset) => handset.person === state.telegram.person);
  if (fresh) shown = fresh.msisdn;
  const handset = state.handsets.find((one) => one.msisdn === shown) ?? own ?? state.handsets[0];
  shown = handset.msisdn;
  const choices = state.handsets.map((one) => ({ value: one.msisdn, label: ownerOf(one, state), alert: Boolean(one.prompt) }));
  segments(byId("owners"), choices, shown, (msisdn) => ((shown = msisdn), drawHandset(state, ring)));
  drawIdle(handset);
  drawPrompt(handset);
  document.body.classList.toggle("ringing", state.handsets.some((one) => one.prompt));
  if (fresh) (seen.add(fresh.prompt.id), ring(fresh));
}

const ownerOf = (handset, state) => handset.name.split(" ")[0] + (state.handsets.length > 2 ? "" : "’s handset");

/** Show the handset of the person who is now chatting. */
export const forgetHandset = () => (shown = null);

function drawIdle(handset) {
  byId("balance").textContent = handset.balance;
  byId("hint").textContent = handset.pin;
  const texts = handset.sms.map((sms, index) => ({ ...sms, key: keyOf(handset, sms, index) }));
  for (const { key } of texts) arrived.has(key) || arrived.set(key, arrived.size);
  texts.sort((one, other) => arrived.get(other.key) - arrived.get(one.key));
  reconcile(byId("sms"), texts, (sms) => sms.key, (sms) => h("li", { className: sms.sender === "MPESA" ? "money" : "" }, h("b", {}, sms.sender), sms.text));
}

/** A text by its place among those of its sender, which never changes. */
function keyOf(handset, sms, index) {
  const place = handset.sms.slice(0, index).filter((one) => one.sender === sms.sender).length;
  return `${handset.msisdn}:${sms.sender}:${place}`;
}

function drawPrompt(handset) {
  const prompt = handset.prompt;
  if (prompt?.id !== live?.id) pin.value = "";
  live = prompt;
  form.hidden = !prompt;
  if (!prompt) return;
  byId("ask").textContent = prompt.sentence.replaceAll("M-PESA", "M\u2011PESA"); // not broken at its hyphen
  closesAt = performance.now() + prompt.seconds_left * 1000;
  countDown();
}

function countDown() {
  if (!live) return;
  const seconds = Math.max(0, Math.ceil((closesAt - performance.now()) / 1000));
  byId("left").textContent = `Closes by itself in ${seconds} s`;
}

function press(key) {
  if (key === "erase") pin.value = pin.value.slice(0, -1);
  else if (pin.value.length < pin.maxLength) pin.value += key;
  pin.focus();
}

function keypad() {
  const cells = KEYS.map((key) => {
    const button = h("button", { type: "button" }, key === "erase" ? icon("erase") : key);
    if (key === "erase") button.setAttribute("aria-label", "Erase a digit");
    button.addEventListener("click", () => press(key));
    return button;
  });
  byId("keys").append(...cells);
}

const wait = (busy) => form.querySelectorAll("button").forEach((button) => (button.disabled = busy));

async function answer(what, body) {
  wait(true);
  await act(what, { prompt: live.id, ...body });
  pin.value = "";
  wait(false);
}

function clock() {
  const now = new Date();
  byId("clock").textContent = now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  byId("day").textContent = now.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });
  countDown();
}

export function bindHandset() {
  keypad();
  clock();
  setInterval(clock, 1000);
  pin.addEventListener("input", () => (pin.value = pin.value.replace(/\D/g, "")));
  form.addEventListener("submit", (event) => (event.preventDefault(), answer("pin", { pin: pin.value })));
  byId("refill").addEventListener("click", () => act("refill", { msisdn: shown }));
  byId("cancel").addEventListener("click", () => answer("cancel", {}));
}
