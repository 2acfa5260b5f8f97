"use strict";
(() => {
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const redraws = [];
  const redraw = () => redraws.forEach((draw) => draw());

  // --- theme -----------------------------------------------------------------------------------------------------
  const toggle = find("theme");
  const label = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
  };
  toggle.hidden = false;
  label();
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("coterie-theme", root.dataset.theme); } catch { /* not remembered */ }
    label();
    redraw();
  });
  dark.addEventListener("change", () => { label(); redraw(); });

  // --- cards -----------------------------------------------------------------------------------------------------
  const cards = [...document.querySelectorAll(".card")];
  for (const [id, open] of [["open-all", true], ["close-all", false]]) {
    const button = find(id);
    if (!button) continue;
    button.hidden = false;
    button.addEventListener("click", () => cards.forEach((card) => { card.open = open; }));
  }
  const openTarget = () => {
    const card = /^#group-\d+$/.test(location.hash) ? find(location.hash.slice(1)) : null;
    if (!card) return;
    card.open = true;
    card.scrollIntoView();
  };
  const goTo = (number) => {
    if (location.hash === `#group-${number}`) openTarget();
    else location.hash = `group-${number}`;
    find(`group-${number}`).querySelector("summary").focus({ preventScroll: true });
  };
  // A phone shows the first three in full: twelve would be a very long way down.
  if (window.matchMedia("(max-width: 600px)").matches) cards.slice(3).forEach((card) => { card.open = false; });
  window.addEventListener("hashchange", openTarget);
  openTarget();
  let before = [];
  window.addEventListener("beforeprint", () => { before = cards.map((card) => card.open); cards.forEach((card) => { card.open = true; }); redraw(); });
  window.addEventListener("afterprint", () => { cards.forEach((card, at) => { card.open = before[at]; }); redraw(); });

  // --- tables that sort ------------------------------------------------------------------------------------------
  const valueOf = (row, at) => {
    const cell = row.cells[at];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      if ("plain" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        const numbers = typeof valueOf(table.tBodies[0].rows[0], at) === "number";
        const up = was ? was === "descending" : !numbers || at === 0;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
        const rows = [...table.tBodies[0].rows].sort((a, b) => (up ? 1 : -1) * order(valueOf(a, at), valueOf(b, at)));
        table.tBodies[0].append(...rows);
      });
    });
  }

  // --- map -------------------------------------------------------------------------------------------------------
  const canvas = find("plane");
  if (!canvas) return;
  const data = JSON.parse(find("points").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes(data.places).buffer);
  const groupView = new DataView(bytes(data.groups).buffer);
  const n = data.count;
  const xs = new Float32Array(n), ys = new Float32Array(n), at = new Int32Array(n);
  const indexOf = new Map(data.numbers.map((number, index) => [number, index]));
  for (let i = 0; i < n; i++) {
    xs[i] = view.getInt16(4 * i, true) / 32767;
    ys[i] = view.getInt16(4 * i + 2, true) / 32767;
    at[i] = indexOf.get(groupView.getUint16(2 * i, true)) ?? -1;
  }
  // The member with most of its group around it: in the middle of a group that lies in several parts there are others.
  const NEAR = 0.08;
  const centres = data.numbers.map((_, g) => {
    const members = [];
    for (let i = 0; i < n; i++) if (at[i] === g) members.push(i);
    if (!members.length) return null;
    const around = members.map((i) => {
      let count = 0;
      for (const j of members) if ((xs[i] - xs[j]) ** 2 + (ys[i] - ys[j]) ** 2 < NEAR ** 2) count++;
      return count;
    });
    return members[around.indexOf(Math.max(...around))];
  });
  let spanX = 0, spanY = 0;
  for (let i = 0; i < n; i++) { spanX = Math.max(spanX, Math.abs(xs[i])); spanY = Math.max(spanY, Math.abs(ys[i])); }

  if (n > 1) canvas.style.aspectRatio = String(Math.min(Math.max((spanX + 0.05) / (spanY + 0.05), 1), 1.7));

  const links = [...document.querySelectorAll("#legend a")];
  const linkOf = new Map(links.map((link) => [indexOf.get(Number(link.dataset.group)), link]));
  const tip = find("tip");
  let scale = 1, width = 0, height = 0, single = -1, held = -1;
  const px = (x) => width / 2 + x * scale;
  const py = (y) => height / 2 - y * scale;

  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };

  const draw = () => {
    const box = canvas.getBoundingClientRect();
    const ratio = Math.max(window.devicePixelRatio || 1, 1);
    width = box.width; height = box.height;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    scale = Math.min((width / 2 - 16) / (spanX || 1), (height / 2 - 16) / (spanY || 1));
    const brush = canvas.getContext("2d");
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, width, height);
    const radius = Math.min(Math.max(Math.sqrt((width * height) / Math.max(n, 1)) / 5.2, 1.5), 5);
    const paints = data.colours.map((index) => colour(`--c${index}`));
    const none = colour("--soft");
    const dots = (chosen, alpha) => {
      brush.globalAlpha = alpha;
      for (let i = 0; i < n; i++) {
        if (!chosen(at[i])) continue;
        brush.fillStyle = at[i] < 0 ? none : paints[at[i]];
        brush.beginPath();
        brush.arc(px(xs[i]), py(ys[i]), radius, 0, 6.2832);
        brush.fill();
      }
    };
    if (single < 0) dots(() => true, 0.72);
    else { dots((g) => g !== single, 0.1); dots((g) => g === single, 0.9); }
    brush.globalAlpha = 1;
    brush.font = `600 14px ${getComputedStyle(document.body).fontFamily}`;
    brush.textAlign = "center";
    brush.textBaseline = "middle";
    brush.lineJoin = "round";
    brush.lineWidth = 5;
    brush.strokeStyle = colour("--raised");
    brush.fillStyle = colour("--ink");
    centres.forEach((i, g) => {
      if (i === null || (single >= 0 && g !== single)) return;
      brush.strokeText(String(data.numbers[g]), px(xs[i]), py(ys[i]));
      brush.fillText(String(data.numbers[g]), px(xs[i]), py(ys[i]));
    });
  };
  redraws.push(draw);

  const showTip = (group, x, y) => {
    tip.hidden = group < 0;
    if (group < 0) return;
    const name = document.createElement("strong");
    name.dir = "auto";
    name.textContent = `${data.numbers[group]}  ${data.names[group]}`;
    tip.replaceChildren(name, data.sizes[group]);
    const left = Math.min(Math.max(x + 14, 0), Math.max(width - tip.offsetWidth - 2, 0));
    const top = y + 18 + tip.offsetHeight > height ? y - tip.offsetHeight - 14 : y + 18;
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(Math.max(top, 0))}px)`;
  };
  const singleOut = (group, x, y) => {
    if (group !== single) {
      linkOf.get(single)?.classList.remove("on");
      linkOf.get(group)?.classList.add("on");
      single = group;
      draw();
    }
    if (x === undefined) tip.hidden = true;
    else showTip(group, x, y);
  };
  const atCentre = (group) => {
    const i = group < 0 ? null : centres[group];
    if (i === null) singleOut(group);
    else singleOut(group, px(xs[i]), py(ys[i]));
  };
  const nearest = (x, y) => {
    let best = -1, least = 18 ** 2;
    for (let i = 0; i < n; i++) {
      const apart = (px(xs[i]) - x) ** 2 + (py(ys[i]) - y) ** 2;
      if (apart < least) { least = apart; best = i; }
    }
    return best < 0 ? -1 : at[best];
  };
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const group = nearest(event.offsetX, event.offsetY);
    canvas.style.cursor = group < 0 ? "crosshair" : "pointer";
    singleOut(group < 0 ? held : group, group < 0 ? undefined : event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") singleOut(held); });
  let lastPointer = "mouse";
  canvas.addEventListener("pointerdown", (event) => { lastPointer = event.pointerType; });
  canvas.addEventListener("click", (event) => {
    const group = nearest(event.offsetX, event.offsetY);
    // A finger cannot hover: its first tap shows the group, its second goes to the card.
    const first = lastPointer === "touch" && group !== held;
    held = group;
    singleOut(group, group < 0 ? undefined : event.offsetX, event.offsetY);
    if (group >= 0 && !first) goTo(data.numbers[group]);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      held = held < 0 ? (step > 0 ? 0 : data.numbers.length - 1) : (held + step + data.numbers.length) % data.numbers.length;
      atCentre(held);
    } else if (event.key === "Escape") { held = -1; singleOut(-1); }
    else if ((event.key === "Enter" || event.key === " ") && held >= 0) goTo(data.numbers[held]);
    else return;
    event.preventDefault();
  });
  links.forEach((link) => {
    const group = indexOf.get(Number(link.dataset.group));
    for (const name of ["mouseenter", "focus"]) link.addEventListener(name, () => singleOut(group));
    for (const name of ["mouseleave", "blur"]) link.addEventListener(name, () => singleOut(held));
    link.addEventListener("click", (event) => { event.preventDefault(); held = group; goTo(data.numbers[group]); });
  });
  new ResizeObserver(() => { if (canvas.getBoundingClientRect().width !== width) draw(); }).observe(canvas);
  draw();
})();
