// The list of people: one button for each, which lights the person up and lists the keypoints.

import { css, personColour } from "/colours.js";
import { points } from "/poses.js";

/** Fills the list. `state.lit` and `state.open` are the people pointed at and opened; `changed` redraws. */
export function listPeople(list, { state, found, people, threshold, changed }) {
  if (state.open !== null && state.open >= people.length) state.open = null;
  if (state.lit !== null && state.lit >= people.length) state.lit = null;
  const focused = [...list.children].findIndex((item) => item.contains(document.activeElement));
  while (list.children.length > people.length) list.lastChild.remove();
  while (list.children.length < people.length) list.append(newItem(list.children.length, state, list, changed));
  people.forEach((person, i) => fillItem(list.children[i], person, i, state, found, threshold));
  if (focused >= people.length && people.length) list.lastChild.firstChild.focus();
}

function newItem(i, state, list, changed) {
  const item = document.createElement("li");
  const button = make("button", "person");
  button.type = "button";
  const swatch = make("span", "swatch");
  swatch.style.background = css(personColour(i));
  button.append(swatch, make("span", "name"), make("span", "score"), make("span", "part"));
  const light = (who) => () => {
    state.lit = who;
    changed();
  };
  button.addEventListener("pointerenter", light(i));
  button.addEventListener("pointerleave", light(null));
  button.addEventListener("focus", light(i));
  button.addEventListener("blur", light(null));
  button.addEventListener("click", () => {
    state.open = state.open === i ? null : i;
    for (const [k, other] of [...list.children].entries()) showOpen(other, state.open === k);
    changed();
  });
  item.append(button, make("dl", "keypoints"));
  return item;
}

function fillItem(item, person, i, state, { skeleton }, threshold) {
  const { names } = skeleton;
  const keypoints = points(person, skeleton);
  const seen = keypoints.filter(([, , score]) => score >= threshold).length;
  item.querySelector(".name").textContent = `Person ${i + 1}`;
  item.querySelector(".score").textContent = person.score.toFixed(2);
  item.querySelector(".part").textContent = `${seen} of ${names.length} keypoints`;
  item.querySelector(".keypoints").replaceChildren(
    ...keypoints.flatMap(([, , score], k) => {
      const label = make("dt", "", names[k].replaceAll("_", " "));
      const value = make("dd", score >= threshold ? "" : "low", score.toFixed(2));
      return [label, value];
    }),
  );
  showOpen(item, state.open === i);
}

function showOpen(item, open) {
  item.firstChild.setAttribute("aria-expanded", String(open));
  item.lastChild.hidden = !open;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
