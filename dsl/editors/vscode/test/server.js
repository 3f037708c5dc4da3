// Drives the real `metac lsp` as an editor does. METAC names the command.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const rpc = require('vscode-jsonrpc/node');

const script = `# Twice a number.
fn double(x) = 2 * x

experiment first(steps = 3) {
  let y = double(steps)
  print("y", y, reluu(y))
}
`;
const uri = 'file:///somewhere/first.meta';
const patience = 60_000; // milliseconds for everything

async function withServer(work) {
  const command = process.env.METAC || 'metac';
  const server = spawn(command, ['lsp'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve, reject) => {
    server.on('error', reject);
    server.on('exit', (code, signal) => resolve(signal || code));
  });
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin));
  const published = [];
  connection.onNotification('textDocument/publishDiagnostics', (found) => published.push(found));
  connection.listen();
  const timer = setTimeout(() => {
    console.error('the server did not answer in time');
    server.kill('SIGKILL');
    process.exit(1);
  }, patience);
  try {
    await work(connection, published);
    await connection.sendRequest('shutdown');
    await connection.sendNotification('exit');
    assert.equal(await ended, 0, 'the exit code after shutdown');
  } finally {
    clearTimeout(timer);
    server.kill('SIGKILL');
  }
}

// The place behind the `count`th occurrence of a text.
function after(text, part, count = 1) {
  let at = -1;
  for (let i = 0; i < count; ++i) at = text.indexOf(part, at + 1);
  assert.notEqual(at, -1, `the script has no ${part}`);
  const lines = text.slice(0, at + part.length).split('\n');
  return { line: lines.length - 1, character: lines.at(-1).length };
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const tests = {
  async initialize(connection) {
    const { capabilities, serverInfo } = await connection.sendRequest('initialize', {
      processId: process.pid, rootUri: null,
      capabilities: {
        textDocument: {
          hover: { contentFormat: ['markdown', 'plaintext'] }, rename: { prepareSupport: true },
          publishDiagnostics: { relatedInformation: true },
        },
      },
    });
    assert.equal(serverInfo.name, 'metac');
    assert.equal(capabilities.positionEncoding, 'utf-16');
    for (const what of ['hover', 'definition', 'references', 'completion', 'documentFormatting', 'documentSymbol', 'rename'])
      assert.ok(capabilities[`${what}Provider`], what);
    await connection.sendNotification('initialized', {});
  },

  async diagnostics(connection, published) {
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'meta', version: 1, text: script } });
    await until(() => published.length > 0);
    const [found] = published.at(-1).diagnostics;
    assert.equal(found.code, 'E0201');
    assert.match(found.message, /unknown name `reluu`\nhint: did you mean `relu`\?/);
    assert.deepEqual(found.range.end, after(script, 'reluu'));

    const begin = after(script, 'relu'), end = after(script, 'reluu');
    await connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version: 2 }, contentChanges: [{ range: { start: begin, end }, text: '' }] });
    await until(() => published.at(-1).version === 2);
    assert.deepEqual(published.at(-1).diagnostics, []);

    const wrong = `${script}experiment second { print(zeros()([2]) + zeros()([3])) }\n`;
    await connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version: 3 }, contentChanges: [{ text: wrong.replace('reluu', 'relu') }] });
    await until(() => published.at(-1).version === 3 && published.at(-1).diagnostics.length > 0);
    assert.equal(published.at(-1).diagnostics[0].code, 'E0303', 'shapes, once nothing comes');
  },

  async hover(connection) {
    const textDocument = { uri };
    const own = await connection.sendRequest('textDocument/hover', { textDocument, position: after(script, 'y = dou') });
    assert.equal(own.contents.kind, 'markdown');
    assert.match(own.contents.value, /fn double\(x\)[^]*Twice a number/);
    const built = await connection.sendRequest('textDocument/hover', { textDocument, position: after(script, 'pri') });
    assert.match(built.contents.value, /builtin print/);
  },

  async definition(connection) {
    const own = await connection.sendRequest('textDocument/definition', {
      textDocument: { uri }, position: after(script, 'y = dou') });
    assert.deepEqual([own.uri, own.range.start], [uri, { line: 1, character: 3 }]);

    const other = 'file:///somewhere/other.meta', words = 'fn misfit(a, b) = mse(a, b)\n';
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri: other, languageId: 'meta', version: 1, text: words } });
    const found = await connection.sendRequest('textDocument/definition', {
      textDocument: { uri: other }, position: after(words, '= m') });
    assert.match(found.uri, /^metac-stdlib:/);
    const { text } = await connection.sendRequest('metac/stdlib', { uri: found.uri });
    assert.match(text.split('\n')[found.range.start.line], /^fn mse\(/);
    await assert.rejects(connection.sendRequest('metac/stdlib', { uri: 'metac-stdlib:/stdlib/none.meta' }),
      { code: rpc.ErrorCodes.InvalidParams });
  },

  async completion(connection) {
    const items = await connection.sendRequest('textDocument/completion', {
      textDocument: { uri }, position: after(script, 'y = dou') });
    const labels = items.map((item) => item.label);
    for (const name of ['double', 'steps', 'exp', 'maml', 'pi']) assert.ok(labels.includes(name), name);
    const inside = await connection.sendRequest('textDocument/completion', {
      textDocument: { uri }, position: after(script, 'y = double(') });
    assert.ok(inside.some((item) => item.label === 'x:'), 'an argument by name');
  },

  // The words of the language that the server completes are coloured.
  async keywords(connection) {
    const grammar = readFileSync(path.join(__dirname, '..', 'meta.tmLanguage.json'), 'utf8');
    const words = new Set(grammar.match(/[a-z]+/g));
    for (const position of [{ line: 3, character: 0 }, after(script, 'let y = ')]) {
      const items = await connection.sendRequest('textDocument/completion', { textDocument: { uri }, position });
      const keywords = items.filter((item) => item.kind === 14).map((item) => item.label);
      assert.ok(keywords.length > 10);
      for (const word of keywords) assert.ok(words.has(word), `the grammar does not know ${word}`);
    }
  },

  async rename(connection) {
    const textDocument = { uri }, position = after(script, 'fn dou');
    const ready = await connection.sendRequest('textDocument/prepareRename', { textDocument, position });
    assert.equal(ready.placeholder, 'double');
    const { changes } = await connection.sendRequest('textDocument/rename', { textDocument, position, newName: 'twice' });
    assert.deepEqual(changes[uri].map((edit) => edit.range.start.line), [1, 4]);
    await assert.rejects(
      connection.sendRequest('textDocument/rename', { textDocument, position, newName: 'if' }), /a word of the language/);
    await assert.rejects(connection.sendRequest('textDocument/nothing', {}), { code: rpc.ErrorCodes.MethodNotFound });
  },
};

withServer(async (connection, published) => {
  for (const [name, test] of Object.entries(tests)) {
    await test(connection, published);
    console.log(`ok ${name}`);
  }
}).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
