// Every page: local times, the CSRF token for htmx, keys that work everywhere, charts drawn from their tables.
(() => {
  "use strict";

  const language = document.documentElement.lang;
  const local = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
    dateStyle: "medium",
    timeStyle: "medium",
  });

  const clock = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { timeStyle: "medium" });
  const momentOf = (time) => new Date(time.dateTime.replace(/(\.\d{3})\d+/, "$1"));

  const localTimes = (root) => {
    for (const span of root.querySelectorAll("[data-stretch]")) {
      const [start, end] = [...span.querySelectorAll("time")].map(momentOf);
      span.removeAttribute("data-stretch");
      if (Number.isNaN(start.getTime()) || Number.isNaN(end.getTime())) continue;
      span.title = [...span.querySelectorAll("time")].map((time) => time.dateTime).join(" – ");
      const [from, to] = [local.format(start), local.format(end)];
      const sameDay = start.toDateString() === end.toDateString();
      span.textContent = `${from} – ${sameDay ? clock.format(end) : to}`;
    }
    for (const time of root.querySelectorAll("time[data-local], time[data-title]")) {
      const moment = momentOf(time);
      if (Number.isNaN(moment.getTime())) continue;
      if (time.hasAttribute("data-title")) {
        time.title = local.format(moment);
      } else {
        time.title = time.dateTime;
        time.textContent = local.format(moment);
      }
      time.removeAttribute("data-local");
      time.removeAttribute("data-title");
    }
  };

  document.addEventListener("DOMContentLoaded", () => localTimes(document));
  document.addEventListener("htmx:afterSettle", (event) => localTimes(event.target));

  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.body.dataset.csrf;
    if (token) event.detail.headers["X-CSRF-Token"] = token;
    // An address holds only the filters that are set.
    if (event.detail.verb === "get") {
      for (const [key, value] of [...event.detail.formData.entries()]) {
        if (value === "") event.detail.formData.delete(key);
      }
    }
  });

  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, () => {
      const notice = document.getElementById("unanswered");
      if (notice) notice.hidden = false;
    });
  }

  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "?") {
      const keys = document.getElementById("keys");
      if (keys && !keys.open) {
        event.preventDefault();
        keys.showModal();
      }
    }
  });
})();
