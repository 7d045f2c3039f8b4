// The strip of photos that were chosen together: one button for each, which shows it large.

/** Fills the strip; `label` says what there is to say of a photo, `choose` is given the one that was clicked. */
export function listPhotos(list, photos, shown, label, choose) {
  list.hidden = photos.length < 2;
  while (list.children.length > photos.length) list.lastChild.remove();
  while (list.children.length < photos.length) list.append(newItem());
  photos.forEach((photo, i) => fillItem(list.children[i].firstChild, photo, photo === shown, label(photo), choose));
}

function newItem() {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "thumb";
  const picture = document.createElement("canvas");
  picture.setAttribute("aria-hidden", "true");
  const name = document.createElement("span");
  name.className = "name";
  const part = document.createElement("span");
  part.className = "part";
  button.append(picture, name, part);
  item.append(button);
  return item;
}

function fillItem(button, photo, isShown, label, choose) {
  const [picture, name, part] = button.children;
  if (isShown) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  button.classList.toggle("failed", photo.failure !== "");
  button.onclick = () => choose(photo);
  name.textContent = photo.file ?? photo.name;
  button.title = name.textContent;
  part.textContent = label;
  if (picture.photo === photo && picture.isDrawn === (photo.thumb !== null)) return;
  Object.assign(picture, { photo, isDrawn: photo.thumb !== null });
  picture.width = photo.thumb?.width ?? 1;
  picture.height = photo.thumb?.height ?? 1;
  if (photo.thumb) picture.getContext("2d").drawImage(photo.thumb, 0, 0);
}
