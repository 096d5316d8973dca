// Moving a map with mouse, wheel, fingers and keys.

export function listen(map) {
  const { canvas } = map;
  const fingers = new Map();
  let moved = 0;
  const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  const place = (event) => { const box = canvas.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top }; };
  canvas.addEventListener("pointerdown", (event) => {
    if (map.still) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    moved = fingers.size > 1 ? 99 : 0;
    cancelAnimationFrame(map.flying);
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const was = fingers.get(event.pointerId);
    if (!was) { if (event.pointerType === "mouse" && !map.still) map.point(map.nearest(now.x, now.y)); return; }
    const before = fingers.size === 2 ? apart() : 0;
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      map.zoomBy(apart() / Math.max(1, before), (a.x + b.x) / 2, (a.y + b.y) / 2);
    }
    moved += Math.abs(now.x - was.x) + Math.abs(now.y - was.y);
    map.pan((now.x - was.x) / fingers.size, (now.y - was.y) / fingers.size);
  });
  const lift = (event) => {
    if (!fingers.delete(event.pointerId) || event.type === "pointercancel" || moved > 6) return;
    const { x, y } = place(event);
    const index = map.nearest(x, y);
    map.point(index);
    if (index !== null) map.callbacks.picked?.(map.items[index]);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => map.point(null));
  canvas.addEventListener("wheel", (event) => {
    if (map.still) return;
    event.preventDefault();
    const { x, y } = place(event);
    map.zoomBy(Math.exp(-clamp(event.deltaY * (event.deltaMode ? 30 : 1), -200, 200) * 0.0025), x, y);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[event.key]) map.pan(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") map.zoomBy(1.4);
    else if (event.key === "-") map.zoomBy(1 / 1.4);
    else if (event.key === "0" || event.key === "Home") map.reset();
    else return;
    event.preventDefault();
  });
}

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
