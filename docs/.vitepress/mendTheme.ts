/** What a change to the theme replaces, in which of its components. */
interface Mend {
  readonly component: string;
  readonly from: string;
  readonly to: string;
}

const mends: readonly Mend[] = [
  // A heading that opens a section is a button: its arrow must not be a second one inside of it.
  {
    component: 'VPSidebarItem.vue',
    from: `        role="button"
        aria-label="toggle section"
        @click="onCaretClick"
        @keydown.enter="onCaretClick"
        tabindex="0"`,
    to: `        :role="item.link ? 'button' : undefined"
        :aria-label="item.link ? 'toggle section' : undefined"
        :aria-hidden="item.link ? undefined : true"
        @click="onCaretClick"
        @keydown.enter="onCaretClick"
        :tabindex="item.link ? 0 : undefined"`,
  },
  // An item with a link is no button itself.
  {
    component: 'VPSidebarItem.vue',
    from: `:tabindex="item.items && 0"`,
    to: `:tabindex="item.items && !item.link && collapsible ? 0 : undefined" :aria-expanded="item.items && !item.link && collapsible ? !collapsed : undefined"`,
  },
  {
    component: 'VPSidebarItem.vue',
    from: `const itemRole = computed(() => (isLink.value ? undefined : 'button'))`,
    to: `const itemRole = computed(() => (isLink.value || !props.item.items || !collapsible.value ? undefined : 'button'))`,
  },
  // The bar has its layout in the first picture, not only once the script runs.
  {
    component: 'VPNavBar.vue',
    from: `const classes = ref<Record<string, boolean>>({})`,
    to: `const classes = ref<Record<string, boolean>>({ 'has-sidebar': hasSidebar.value, home: frontmatter.value.layout === 'home', top: true })`,
  },
  // The name that is read out is the text of the button: the key is drawn by the style sheet, as Ctrl is.
  {
    component: 'VPNavBarSearchButton.vue',
    from: `<kbd class="DocSearch-Button-Key">K</kbd>`,
    to: `<kbd class="DocSearch-Button-Key search-key"></kbd>`,
  },
];

/** Corrects components of VitePress's theme that a screen reader or a keyboard stumbles over, and what moves once scripts run. Fails where a new version has others. */
export function mendTheme() {
  return {
    name: 'mend-theme',
    enforce: 'pre' as const,
    transform(code: string, id: string) {
      const own = mends.filter(({ component }) => id.endsWith(`/theme-default/components/${component}`));
      if (own.length === 0) return undefined;
      return own.reduce((text, { component, from, to }) => {
        if (!text.includes(from))
          throw new Error(`${component} of VitePress has changed: look at docs/.vitepress/mendTheme.ts`);
        return text.replace(from, to);
      }, code);
    },
  };
}
