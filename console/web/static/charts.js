// Charts are drawn from the tables beside them, so that table and chart cannot disagree.
(() => {
  "use strict";

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const drawn = new Map();

  const read = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    return {
      times: rows.map((row) => new Date(row.querySelector("time").dateTime.replace(/(\.\d{3})\d+/, "$1"))),
      columns: heads
        .slice(1)
        .map((head, index) => ({
          name: head.textContent.trim(),
          colour: head.dataset.colour,
          values: rows.map((row) => {
            const value = row.cells[index + 1].dataset.value;
            return value === undefined || value === "" ? null : Number(value);
          }),
        })),
    };
  };

  // A small chart of one column: no legend, its name stands above it.
  const small = ({ times, columns: [column] }) => {
    const language = document.documentElement.lang;
    const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { hour: "2-digit", minute: "2-digit" });
    const text = colour("muted");
    const line = colour("line");
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      aria: { enabled: true, decal: { show: false } },
      grid: { left: 4, right: 8, top: 8, bottom: 2, containLabel: true },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        confine: true,
        backgroundColor: colour("surface"),
        borderColor: colour("line-strong"),
        textStyle: { color: colour("text"), fontSize: 13 },
      },
      xAxis: {
        type: "category",
        boundaryGap: false,
        data: times.map((time) => format.format(time)),
        axisLabel: { color: text, hideOverlap: true, fontSize: 11 },
        axisLine: { lineStyle: { color: line } },
        axisTick: { show: false },
      },
      yAxis: {
        type: "value",
        min: 0,
        max: column.values.some((value) => value > 0) ? undefined : 1,
        splitNumber: 2,
        axisLabel: { color: text, fontSize: 11 },
        splitLine: { lineStyle: { color: line } },
      },
      series: [
        {
          name: column.name,
          type: "line",
          data: column.values,
          showSymbol: column.values.filter((value) => value !== null).length < 3,
          lineStyle: { width: 1.8 },
          areaStyle: { opacity: 0.12 },
          itemStyle: { color: colour(column.colour) },
        },
      ],
    };
  };

  const options = (kind, { times, columns }) => {
    const language = document.documentElement.lang;
    const span = times.length > 1 ? times.at(-1) - times[0] : 0;
    const day = 86_400_000;
    const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
      month: "short",
      ...(span > 300 * day ? { year: "numeric" } : { day: "numeric" }),
      ...(span < 3 * day || (kind === "alerts" && span < 10 * day) ? { hour: "2-digit", minute: "2-digit" } : {}),
    });
    const text = colour("muted");
    const line = colour("line");
    const bars = kind === "alerts";
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      aria: { enabled: true, decal: { show: false } },
      grid: { left: 8, right: 12, top: 36, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 9, textStyle: { color: text } },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        axisPointer: { type: bars ? "shadow" : "line" },
        backgroundColor: colour("surface"),
        borderColor: colour("line-strong"),
        textStyle: { color: colour("text"), fontSize: 13 },
      },
      xAxis: {
        type: "category",
        data: times.map((time) => format.format(time)),
        axisLabel: { color: text, hideOverlap: true },
        axisLine: { lineStyle: { color: line } },
        axisTick: { show: false },
      },
      yAxis: {
        type: "value",
        minInterval: bars ? 1 : undefined,
        max: bars ? undefined : 100,
        axisLabel: { color: text },
        splitLine: { lineStyle: { color: line } },
      },
      series: columns.map((column) => ({
        name: column.name,
        type: bars ? "bar" : "line",
        stack: bars ? "all" : undefined,
        data: column.values,
        showSymbol: column.values.filter((value) => value !== null).length < 3,
        step: false,
        lineStyle: { width: 2.5 },
        itemStyle: { color: colour(column.colour) },
        barCategoryGap: "25%",
      })),
    };
  };

  const draw = () => {
    if (!window.echarts) return;
    for (const place of document.querySelectorAll("[data-chart]")) {
      const table = document.getElementById(place.dataset.table);
      if (!table) continue;
      place.hidden = false;
      const chart = drawn.get(place) || window.echarts.init(place, null, { renderer: "svg" });
      drawn.set(place, chart);
      const content = read(table);
      if (place.dataset.column) {
        chart.setOption(small({ ...content, columns: [content.columns[place.dataset.column]] }), true);
      } else {
        chart.setOption(options(place.dataset.chart, content), true);
      }
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    draw();
    window.addEventListener("resize", () => {
      for (const chart of drawn.values()) chart.resize();
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  });
})();
