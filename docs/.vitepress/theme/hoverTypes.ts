// Shows the type of a name that the reader points at, or taps. Names are no tab stops, as there are dozens in each example: the reference
// has the same for those who read by keyboard.

/** Listens on the whole page, so that examples need no code of their own. */
export function hoverTypes(): void {
  const tip = document.createElement('div');
  tip.className = 'type-tip';
  tip.setAttribute('role', 'tooltip');
  tip.hidden = true;
  document.body.append(tip);

  const hide = () => {
    tip.hidden = true;
  };
  const show = (event: Event) => {
    const name = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-type]') : null;
    if (!name) return hide();
    tip.textContent = name.dataset.type ?? '';
    tip.hidden = false;
    const { left, top, bottom } = name.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const above = top > height + 12;
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    tip.style.top = `${above ? top - height - 6 : bottom + 6}px`;
  };
  document.addEventListener('mouseover', show);
  document.addEventListener('click', show);
  document.addEventListener('keydown', ({ key }) => key === 'Escape' && hide());
  addEventListener('scroll', hide, { passive: true, capture: true });
}
