#include "greyd/report/html_parts.h"

#include <sodium.h>

namespace grey::report {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--fg:#1c2430;--soft:#5d6878;--line:#e2e6eb;
--held:#2f6690;--passed:#d98e2b;--trusted:#ecc586;--open:#a9b4c2;--left:#d3d9e0;--mark:#eef3f8}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2028;--fg:#e3e8ee;--soft:#97a3b2;
--line:#2c3540;--held:#5b9bcb;--passed:#e0a145;--trusted:#8f6b33;--open:#66727f;--left:#3f4954;--mark:#222c37}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Noto Sans","Liberation Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:28px 20px 48px}
header p{margin:0;color:var(--soft)}
h1{font-size:25px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em;font-weight:650}
h1 span{white-space:nowrap}
h2{font-size:16px;margin:0 0 12px;font-weight:650}
h3{font-size:14px;margin:0 0 8px;font-weight:600}
.kicker{font-size:12px;letter-spacing:.08em;text-transform:uppercase;margin-bottom:4px}
.warn{border-left:3px solid var(--passed);padding:6px 12px;margin-top:14px;background:var(--card)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:16px;min-width:0}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin-top:20px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.tile span,.tile small{display:block;color:var(--soft);font-size:13px}
.tile b{display:block;font-size:26px;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:16px}
.pair>section{margin-top:16px}
.note{color:var(--soft);font-size:13px;margin:12px 0 0;max-width:80ch}
.empty{color:var(--soft);margin:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
table.fit{width:auto;min-width:min(100%,620px)}
th{font-size:12px;font-weight:500;color:var(--soft);text-align:left;vertical-align:bottom;white-space:nowrap}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}
th.n{white-space:normal}
td.w{overflow-wrap:anywhere;min-width:9em}
td.bar{width:34%;min-width:60px}
td.bar svg,.swatch{display:block}
td.s{width:18px;padding-right:6px}
tr.now td{background:var(--mark);font-weight:600}
th button{all:unset;cursor:pointer;color:inherit}
th button:focus-visible{outline:2px solid var(--held);outline-offset:2px}
th button::after{content:"\2195";opacity:.45;padding-left:4px}
th[aria-sort=ascending] button::after{content:"\2191";opacity:1}
th[aria-sort=descending] button::after{content:"\2193";opacity:1}
.chart{display:flex}
.chart svg{overflow:visible;flex:none}
.chart .plot{flex:1;min-width:0}
svg text{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}
svg .grid{stroke:var(--line)}
.held{fill:var(--held)}.passed{fill:var(--passed)}.trusted{fill:var(--trusted)}.open{fill:var(--open)}.left{fill:var(--left)}
svg .col:hover{opacity:.8}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:10px 0 0;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:6px}
details{margin-top:12px}
summary{cursor:pointer;color:var(--soft);font-size:13px}
dl{margin:0;display:grid;grid-template-columns:max-content 1fr;gap:6px 16px;font-size:14px}
dt{font-weight:600}dd{margin:0;color:var(--soft)}
footer{color:var(--soft);font-size:13px;margin-top:20px}
@media(max-width:760px){main{padding:20px 12px 36px}.tiles{grid-template-columns:1fr 1fr;gap:10px}.pair{display:block}
section{padding:14px}.tile{padding:12px}.tile b{font-size:22px}.wide{display:none}dl{display:block}dd{margin-bottom:8px}
h1{font-size:21px}td.bar{width:22%}
.people thead{display:none}.people tr{display:block;border-bottom:1px solid var(--line);padding:8px 0}.people tr:last-child{border:0}
.people td{display:flex;gap:10px;border:0;padding:1px 0;text-align:left}.people td::before{content:attr(data-l);color:var(--soft);flex:0 0 9.5em;font-size:13px}}
@media print{body{background:#fff}section,.tile{break-inside:avoid}th button::after{content:""}}
)";

constexpr std::string_view kScript = R"(
"use strict";
for (const table of document.querySelectorAll("table.sort")) {
  const body = table.tBodies[0];
  for (const head of table.tHead.rows[0].cells) {
    if (!head.textContent) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending" ||
        (!head.hasAttribute("aria-sort") && !head.classList.contains("n"));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const of = row => {
        const cell = row.cells[head.cellIndex];
        return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
      };
      const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      const rows = [...body.rows].sort((a, b) => down ? order(of(a), of(b)) : order(of(b), of(a)));
      body.append(...rows);
    });
  }
}
)";

}  // namespace

std::string escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (octet < ' ' || octet > '~') {
      out += '%';
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view page_style() {
  return kStyle;
}
std::string_view page_script() {
  return kScript;
}

std::string source_hash(std::string_view content) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(content.data()), content.size());
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  char text[sodium_base64_ENCODED_LEN(sizeof hash, kVariant)];
  sodium_bin2base64(text, sizeof text, hash, sizeof hash, kVariant);
  return "'sha256-" + std::string(text) + "'";
}

}  // namespace grey::report
