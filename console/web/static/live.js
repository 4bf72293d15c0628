// Parts of a page that say what they live by are fetched anew when the console says that it has changed:
// <div id="x" data-live="changed heard">, where `changed` means the store and `heard` the sensors.
(() => {
  "use strict";

  const PAUSE = 3000;
  const STILL = 2000;
  const due = new Set();
  const shown = new Map();
  let timer = 0;
  let source = null;
  let moved = 0;

  const parts = (name) =>
    [...document.querySelectorAll("[data-live][id]")].filter((part) => part.dataset.live.split(" ").includes(name));

  // Whoever is choosing, writing or reading something open is not disturbed.
  const busy = (part) =>
    part.contains(document.activeElement) ||
    part.querySelector("input[type=checkbox]:checked, details[open]:not([data-open]), [data-keep]") !== null ||
    document.querySelector("dialog[open]") !== null ||
    (part.matches(":hover") && performance.now() - moved < STILL) ||
    (window.getSelection()?.isCollapsed === false && part.contains(window.getSelection().anchorNode));

  const replace = (part, page) => {
    const fresh = page.getElementById(part.id);
    if (!fresh || shown.get(part.id) === fresh.outerHTML) return;
    shown.set(part.id, fresh.outerHTML);
    const placed = document.importNode(fresh, true);
    part.replaceWith(placed);
    window.htmx.process(placed);
    placed.dispatchEvent(new CustomEvent("htmx:afterSettle", { bubbles: true }));
  };

  const refresh = async () => {
    timer = 0;
    if (document.hidden) return;
    const ready = [...due].map((id) => document.getElementById(id)).filter((part) => part && !busy(part));
    for (const part of ready) due.delete(part.id);
    for (const id of due) if (!document.getElementById(id)) due.delete(id);
    for (const address of new Set(ready.map((part) => part.dataset.from || window.location.href))) {
      try {
        const answer = await fetch(address, { headers: { "X-Unattended": "1" } });
        if (answer.redirected) {
          window.location.reload();
          return;
        }
        if (!answer.ok) continue;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of ready) {
          if (part.isConnected && !busy(part) && (part.dataset.from || window.location.href) === address) replace(part, page);
        }
      } catch {
        // The stream connects again by itself, and the next event asks anew.
      }
    }
    if (due.size && !timer) timer = window.setTimeout(refresh, PAUSE);
  };

  const note = (name) => {
    for (const part of parts(name)) due.add(part.id);
    if (due.size && !timer) timer = window.setTimeout(refresh, PAUSE / 3);
  };

  const listen = () => {
    if (source || !document.querySelector("[data-live]") || !window.EventSource) return;
    source = new EventSource("/api/v1/stream");
    for (const name of ["changed", "heard"]) source.addEventListener(name, () => note(name));
    // What changed while the page was on its way, or the connection away, no event will tell.
    source.addEventListener("hello", (event) => {
      if (event.data === document.body.dataset.seen) return;
      document.body.dataset.seen = event.data;
      note("changed");
      note("heard");
    });
  };

  document.addEventListener("pointermove", () => {
    moved = performance.now();
  });

  // A page nobody looks at holds no connection; when somebody looks again, it catches up.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else {
      listen();
      note("changed");
      note("heard");
    }
  });
  window.addEventListener("pagehide", () => source?.close());
  document.addEventListener("DOMContentLoaded", listen);
})();
