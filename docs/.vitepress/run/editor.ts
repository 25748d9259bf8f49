// The editor of an example. Loaded when somebody first presses Edit.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { drawSelection, EditorView, keymap } from '@codemirror/view';
import { codeColors } from './codeColors.js';

const colors = HighlightStyle.define(codeColors);

export interface ExampleEditor {
  readonly code: string;
  setCode(code: string): void;
  focus(): void;
  destroy(): void;
}

export interface ExampleEditorOptions {
  readonly parent: HTMLElement;
  readonly code: string;
  /** Called when the reader presses Ctrl+Enter or Command+Enter. */
  readonly run: () => void;
  readonly changed: () => void;
}

/** Tab leaves the editor, as it leaves any other field: who uses a keyboard is not caught in it. */
export function createEditor({ parent, code, run, changed }: ExampleEditorOptions): ExampleEditor {
  const runKey = {
    key: 'Mod-Enter',
    run: () => {
      run();
      return true;
    },
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: code,
      extensions: [
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        javascript({ typescript: true }),
        syntaxHighlighting(colors),
        keymap.of([runKey, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': 'Code of the example. Control and Enter runs it.' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed();
        }),
      ],
    }),
  });
  return {
    get code() {
      return view.state.doc.toString();
    },
    setCode: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
