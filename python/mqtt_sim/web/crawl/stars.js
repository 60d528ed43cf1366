// A sky that drifts: stars drawn once for each size of the window. It moves by whole pixels, some times a second: an
// animation would have the browser put the whole window together anew for each frame, which a machine without a graphics
// processor cannot do thirty times a second.

const KINDS = [
  { stars: 90, size: [0.4, 0.9], light: [0.25, 0.6] },
  { stars: 34, size: [0.7, 1.4], light: [0.45, 0.95] },
];
const COLOURS = ["255, 244, 220", "255, 226, 160", "226, 232, 255"];
const PIXELS_PER_SECOND = 2.2;
const STEP_MS = 450;

// `isStill()` is asked at every step.
export function drawStars(canvas, isStill) {
  draw(canvas);
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => draw(canvas), 200);
  });
  let way = 0;
  setInterval(() => {
    if (document.hidden || isStill()) return;
    way += (PIXELS_PER_SECOND * STEP_MS) / 1000;
    canvas.style.top = `${-(Math.round(way) % innerHeight)}px`;
  }, STEP_MS);
}

// Twice as high as the window, the lower half like the upper: so the drift has no seam.
function draw(canvas) {
  const scale = Math.min(2, devicePixelRatio);
  const [width, height] = [innerWidth, innerHeight];
  canvas.width = width * scale;
  canvas.height = 2 * height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  for (const kind of KINDS) {
    const count = Math.round(kind.stars * Math.sqrt((width * height) / (1280 * 800)));
    for (let i = 0; i < count; i++) drawStar(pen, kind, width, height);
  }
}

function drawStar(pen, { size, light }, width, height) {
  const between = ([least, most]) => least + Math.random() * (most - least);
  const [x, y, radius] = [Math.random() * width, Math.random() * height, between(size)];
  pen.fillStyle = `rgba(${COLOURS[Math.floor(Math.random() * COLOURS.length)]}, ${between(light).toFixed(2)})`;
  for (const top of [0, height]) {
    pen.beginPath();
    pen.arc(x, y + top, radius, 0, 2 * Math.PI);
    pen.fill();
  }
}
