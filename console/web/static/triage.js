// The alert list and the alert page by keyboard, as Alpine components.
document.addEventListener("alpine:init", () => {
  "use strict";

  const typing = (target) =>
    target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");
  const plain = (event) =>
    !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target) && !document.querySelector("dialog[open]");

  // A list: j and k move, x selects, a and c prepare the bar below, l and m open the form of the current alert.
  window.Alpine.data("triage", () => ({
    selected: 0,
    init() {
      this.count();
      this.$root.dataset.ready = "";
    },
    get shade() {
      return this.selected > 0 ? "picked" : "";
    },
    rows() {
      return [...this.$root.querySelectorAll("[data-row]")];
    },
    current() {
      return this.$root.querySelector("[data-row][data-current]");
    },
    boxes() {
      return [...this.$root.querySelectorAll("input[name=id]")];
    },
    count() {
      this.selected = this.boxes().filter((box) => box.checked).length;
    },
    all(event) {
      for (const box of this.boxes()) box.checked = event.target.checked;
      this.count();
    },
    move(step) {
      const rows = this.rows();
      const current = this.current();
      const next = current ? rows.indexOf(current) + step : step > 0 ? 0 : rows.length - 1;
      if (next < 0 || next >= rows.length) return;
      if (current) delete current.dataset.current;
      rows[next].dataset.current = "";
      rows[next].querySelector("[data-open]").focus({ preventScroll: true });
      rows[next].scrollIntoView({ block: "nearest" });
    },
    prepare(action) {
      if (!this.$refs.action) return;
      const box = this.current()?.querySelector("input[name=id]");
      if (this.selected === 0 && box) {
        box.checked = true;
        this.count();
      }
      this.$refs.action.value = action;
      this.$refs.note.focus();
    },
    key(event) {
      if (!plain(event)) return;
      const current = this.current();
      switch (event.key) {
        case "j":
          this.move(1);
          break;
        case "k":
          this.move(-1);
          break;
        case "x": {
          const box = current?.querySelector("input[name=id]");
          if (!box) return;
          box.checked = !box.checked;
          this.count();
          break;
        }
        case "a":
          this.prepare("acknowledge");
          break;
        case "c":
          this.prepare("resolved");
          break;
        case "l":
        case "m":
          if (!current || !this.$refs.action) return;
          window.location.assign(
            `${current.querySelector("[data-open]").pathname}/allow?kind=${event.key === "l" ? "learn" : "mute"}`,
          );
          break;
        default:
          return;
      }
      event.preventDefault();
    },
  }));

  // One alert: each key presses the control that carries it.
  window.Alpine.data("sheet", () => ({
    key(event) {
      if (!plain(event) || !["a", "c", "l", "m"].includes(event.key)) return;
      const control = this.$root.querySelector(`[data-key="${event.key}"]`);
      if (!control) return;
      event.preventDefault();
      control.click();
      if (control.tagName === "SUMMARY") control.parentElement.querySelector("[data-first]")?.focus();
    },
  }));
});
