// What is wrong with the page, a line each; rules after WCAG 2.2 AA, as far as a program can tell.
const wrong = [];
const say = (rule, element) => wrong.push(rule + ": " + (element.outerHTML || element).slice(0, 160));
const all = (css) => [...document.querySelectorAll(css)];
const visible = (e) => { const s = getComputedStyle(e), r = e.getBoundingClientRect();
  return s.visibility !== "hidden" && s.display !== "none" && r.width > 1 && r.height > 1 && !e.closest(".hidden, .skip"); };

if (!document.documentElement.lang) wrong.push("no language");
if (!document.title.trim()) wrong.push("no title");
if (all("h1").length !== 1) wrong.push("headings of level 1: " + all("h1").length);
if (all("main").length !== 1) wrong.push("main parts: " + all("main").length);
for (const nav of all("nav")) if (!nav.getAttribute("aria-label")) say("navigation without a name", nav);
if (all("nav a[aria-current=page]").length > 1) wrong.push("more than one current page");

let level = 0;
for (const h of all("h1,h2,h3,h4").filter((h) => visible(h))) {
  const now = Number(h.tagName[1]);
  if (now > level + 1 && !(level === 1 && now === 3)) say("a level of headings is left out", h);
  level = now;
}
const ids = new Set();
for (const e of all("[id]")) { if (ids.has(e.id)) say("an id twice", e); ids.add(e.id); }
for (const e of all("img")) if (!e.hasAttribute("alt")) say("an image without a text", e);
for (const e of all("svg:not([aria-hidden])"))
  if (e.getAttribute("role") !== "img" || !(e.getAttribute("aria-labelledby") || "").split(" ").every((i) => ids.has(i)))
    say("a picture without a name", e);
for (const e of all("input, select, textarea, progress"))
  if (!e.getAttribute("aria-label") && !(e.labels && e.labels.length)) say("a field without a label", e);
for (const e of all("a[href], button, summary"))
  if (!(e.textContent.trim() || e.getAttribute("aria-label"))) say("nothing to press by name", e);
for (const e of all("table")) {
  if (!e.caption) say("a table without a caption", e);
  for (const th of e.querySelectorAll("th")) if (!th.scope) say("a heading of a table without scope", th);
}
for (const e of all("[style], [onclick], script:not([src]), style")) say("inline", e);
for (const e of all("[src], link[href]")) {
  const u = new URL(e.src || e.href, location.href);
  if (u.origin !== location.origin) say("from elsewhere", e);
}
for (const e of all("button, select, input:not([type=checkbox])").filter(visible))
  if (e.getBoundingClientRect().height < 24) say("too small to hit", e);

const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
const over = (top, under) => { const a = top[3]; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)).concat(1); };
const ground = (e) => {
  const layers = [];
  for (let n = e; n; n = n.parentElement) {
    const c = parse(getComputedStyle(n).backgroundColor);
    layers.push(c);
    if (c[3] === 1) break;
  }
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
};
const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
for (let t = walker.nextNode(); t; t = walker.nextNode()) {
  const e = t.parentElement;
  if (!t.textContent.trim() || seen.has(e) || !visible(e) || e.closest("progress, option, script")) continue;
  seen.add(e);
  const style = getComputedStyle(e);
  const ink = parse(e instanceof SVGElement ? style.fill : style.color);
  const back = ground(e instanceof SVGElement ? e.closest("figure") : e);
  const ratio = contrast(over(ink, back), back);
  const large = parseFloat(style.fontSize) >= 24;
  if (ratio < (large ? 3 : 4.5)) say("contrast " + ratio.toFixed(2), e);
}
return wrong;
