import type { HeadConfig } from 'vitepress';
import { escapeAttribute } from '../build/escapeHtml.mjs';
import { socialSize } from '../build/social.mjs';

/** A page as machines list it, and as a link to it looks elsewhere. */
export interface PageIdentity {
  readonly title: string;
  readonly description: string;
  /** Its address. */
  readonly url: string;
  /** The address of its social picture. */
  readonly picture: string;
  /** Whether it is a page of the reference, whose picture is smaller. */
  readonly isReference: boolean;
}

/** What the head of a page has beside its title and description. */
export function pageHead({ title, description, url, picture, isReference }: PageIdentity): HeadConfig[] {
  const meta = (property: string, content: string): HeadConfig => ['meta', { property, content }];
  const { width, height } = socialSize(isReference);
  return [
    ['link', { rel: 'canonical', href: url }],
    meta('og:title', title),
    meta('og:image', picture),
    meta('og:image:width', String(width)),
    meta('og:image:height', String(height)),
    meta('og:image:alt', `${title}: ${description}`),
    ['meta', { name: 'twitter:card', content: 'summary_large_image' }],
    meta('og:description', description),
    meta('og:url', url),
    meta('og:type', 'website'),
  ];
}

/** The same as HTML, for a page that VitePress does not render. */
export function headHtml(head: readonly HeadConfig[]): string {
  return head
    .map(([tag, attributes]) => {
      const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeAttribute(value)}"`);
      return `<${tag}${written.join('')}>`;
    })
    .join('');
}
