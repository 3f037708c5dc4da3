// The client: starts `metac lsp`, and shows the files of the standard library, which are inside of the command.
'use strict';

const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

const libraryScheme = 'metac-stdlib';
let client;

function makeClient() {
  const settings = vscode.workspace.getConfiguration('metac');
  const server = { command: settings.get('path') || 'metac', args: ['lsp'] };
  return new LanguageClient('metac', 'metac', { run: server, debug: server }, {
    documentSelector: ['file', 'untitled', libraryScheme].map((scheme) => ({ scheme, language: 'meta' })),
    initializationOptions: { data: settings.get('data') || '' },
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher('**/*.meta') },
  });
}

async function start() {
  client = makeClient();
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(
      `metac: the editor server does not start (${error.message}); the setting "metac.path" says where metac is`);
  }
}

async function restart() {
  if (client) await client.dispose().catch(() => {});
  await start();
}

const library = {
  async provideTextDocumentContent(uri) {
    const answer = await client.sendRequest('metac/stdlib', { uri: uri.toString() });
    return answer.text;
  },
};

async function activate(context) {
  context.subscriptions.push(
    vscode.workspace.registerTextDocumentContentProvider(libraryScheme, library),
    vscode.commands.registerCommand('metac.restart', restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (['metac.path', 'metac.data'].some((name) => change.affectsConfiguration(name))) return restart();
    }));
  await start();
}

async function deactivate() {
  if (client) await client.stop();
}

module.exports = { activate, deactivate };
