import '@fontsource/ibm-plex-mono/latin-400.css';
import '@fontsource/ibm-plex-mono/latin-600.css';
import '@fontsource/ibm-plex-sans/latin-400.css';
import '@fontsource/ibm-plex-sans/latin-500.css';
import '@fontsource/ibm-plex-sans/latin-600.css';
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { defineAsyncComponent } from 'vue';
import HomePage from './HomePage.vue';
import { hoverTypes } from './hoverTypes.js';
import RunBlock from './RunBlock.vue';
import Layout from './SiteLayout.vue';
import './style.css';

const theme: Theme = {
  extends: DefaultTheme,
  Layout,
  enhanceApp: ({ app }) => {
    if (!import.meta.env.SSR) hoverTypes();
    app.component('HomePage', HomePage);
    app.component('RunBlock', RunBlock);
    app.component(
      'EventTimeLive',
      defineAsyncComponent(() => import('./EventTimeLive.vue')),
    );
    // On five pages only.
    app.component(
      'StepDiagram',
      defineAsyncComponent(() => import('./StepDiagram.vue')),
    );
    app.component(
      'TuningCalculator',
      defineAsyncComponent(() => import('./TuningCalculator.vue')),
    );
    app.component(
      'TutorialProgress',
      defineAsyncComponent(() => import('./TutorialProgress.vue')),
    );
  },
};

export default theme;
