// Light or dark, before anything is drawn: what was chosen, else what the system prefers.
"use strict";

(() => {
  const KEY = "perdure.theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem(KEY);
  const show = () => {
    document.documentElement.dataset.theme = chosen() ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", show);
  show();
  globalThis.switchTheme = () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    const system = dark.matches ? "dark" : "light";
    if (next === system) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    show();
    return next;
  };
})();
