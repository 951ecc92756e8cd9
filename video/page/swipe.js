// Swiping over the picture with a finger leads to the next or the previous camera.

const LEAST_PX = 50;
const STEEPEST = 0.6; // vertical / horizontal way: steeper ones scroll the page
const LONGEST_MS = 800;

/**
 * @param {HTMLElement} element
 * @param {(step: 1 | -1) => void} onSwipe
 */
export function listenToSwipes(element, onSwipe) {
  /** @type {{ x: number, y: number, atMs: number } | null} */
  let began = null;
  element.addEventListener(
    "touchstart",
    ({ touches, timeStamp }) => {
      const [touch] = touches;
      began = touches.length === 1 ? { x: touch.clientX, y: touch.clientY, atMs: timeStamp } : null; // two fingers zoom
    },
    { passive: true },
  );
  element.addEventListener(
    "touchend",
    ({ changedTouches, timeStamp }) => {
      if (!began) return;
      const step = swiped(began, changedTouches[0], timeStamp);
      began = null;
      if (step) onSwipe(step);
    },
    { passive: true },
  );
}

/**
 * Return the step that a way of a finger means; 0 if it is no swipe.
 * @param {{ x: number, y: number, atMs: number }} began
 * @param {{ clientX: number, clientY: number }} ended
 * @param {number} endedMs
 * @returns {1 | -1 | 0}
 */
export function swiped(began, ended, endedMs) {
  const [x, y] = [ended.clientX - began.x, ended.clientY - began.y];
  if (Math.abs(x) < LEAST_PX || Math.abs(y) > STEEPEST * Math.abs(x) || endedMs - began.atMs > LONGEST_MS) return 0;
  return x < 0 ? 1 : -1;
}
