"use strict";
// Before the first paint: the theme that the reader chose last time, if any.
(() => {
  try {
    const chosen = localStorage.getItem("coterie-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch { /* a page opened from a file may have no storage */ }
  document.documentElement.classList.add("js");
})();
