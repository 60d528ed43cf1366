// A sky that drifts: stars drawn once for each size of the window. It moves by whole pixels, some times a second: an
// animation would have the browser put the whole window together anew for each frame, which a machine without a graphics
// processor cannot do thirty times a second. For the same reason it is no canvas, which such a browser copies each time
// that anything on the page moves.

const KINDS = [
  { stars: 90, size: [0.4, 0.9], light: [0.25, 0.6] },
  { stars: 34, size: [0.7, 1.4], light: [0.45, 0.95] },
];
const COLOURS = ["rgb(255 244 220)", "rgb(255 226 160)", "rgb(226 232 255)"];
const PIXELS_PER_SECOND = 2.2;
const STEP_MS = 450;

// `isStill()` is asked at every step.
export function drawStars(sky, isStill) {
  draw(sky);
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => draw(sky), 200);
  });
  let way = 0;
  setInterval(() => {
    if (document.hidden || isStill()) return;
    way += (PIXELS_PER_SECOND * STEP_MS) / 1000;
    sky.style.transform = `translateY(${-(Math.round(way) % innerHeight)}px)`;
  }, STEP_MS);
}

// Twice as high as the window, the lower half like the upper: so the drift has no seam.
function draw(sky) {
  const [width, height] = [innerWidth, innerHeight];
  const share = Math.sqrt((width * height) / (1280 * 800));
  const stars = KINDS.flatMap((kind) =>
    Array.from({ length: Math.round(kind.stars * share) }, () => makeStar(kind, width, height)),
  );
  sky.replaceChildren(...stars, ...stars.map((star) => lower(star, height)));
}

function makeStar({ size, light }, width, height) {
  const between = ([least, most]) => least + Math.random() * (most - least);
  const star = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  const values = { cx: Math.random() * width, cy: Math.random() * height, r: between(size), "fill-opacity": between(light) };
  for (const [name, value] of Object.entries(values)) star.setAttribute(name, value.toFixed(2));
  star.setAttribute("fill", COLOURS[Math.floor(Math.random() * COLOURS.length)]);
  return star;
}

function lower(star, height) {
  const copy = star.cloneNode();
  copy.setAttribute("cy", Number(star.getAttribute("cy")) + height);
  return copy;
}
