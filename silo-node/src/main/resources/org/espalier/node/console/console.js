// Asks for the regions that change, and puts them in place; all text in them is escaped where it is made.
"use strict";
(() => {
  const status = document.getElementById("live-status");
  const regions = document.querySelectorAll("[data-live]");
  const say = (text) => { if (status && status.textContent !== text) status.textContent = text; };

  for (const region of regions) {
    let before = region.innerHTML;
    let words = region.dataset.state || "";
    const every = Number(region.dataset.every) || 2000;
    const look = async () => {
      let wait = every;
      if (!document.hidden) {
        try {
          const answer = await fetch(region.dataset.live, { credentials: "same-origin", cache: "no-store" });
          if (answer.status === 401) { say("You are signed out. Ask for a new way in: silo console"); return; }
          if (answer.ok) {
            const html = await answer.text();
            // Nothing is replaced under the hands of somebody who is in it.
            if (html !== before && !region.contains(document.activeElement)) {
              const open = [...region.querySelectorAll("details[open]")].map((d) => d.id);
              region.innerHTML = html;
              for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
              before = html;
              const now = region.firstElementChild ? region.firstElementChild.dataset.state || "" : "";
              if (now !== words) { words = now; say(now); }
            }
            if (region.firstElementChild && region.firstElementChild.dataset.over === "yes") wait = 15000;
          }
          document.documentElement.dataset.stale = answer.ok ? "no" : "yes";
        } catch (e) {
          document.documentElement.dataset.stale = "yes";
          wait = 5000;
        }
      }
      setTimeout(look, wait);
    };
    setTimeout(look, every);
  }
})();
