/**
 * Accounts, projects, members and invitations in a real browser.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub } from './hub.mjs';
import { Person, aBrowser, agree, becomes } from './person.mjs';

const PASSWORD = 'correct horse 7';

let browser;

before(async () => {
  browser = await aBrowser();
});

after(() => browser?.close());

/** Somebody who makes an account with a form. */
async function signsUp(t, hub, name, fragment = '#/register') {
  const person = await Person.opens(t, browser, hub, fragment);
  await fillsAccount(person, name);
  return person;
}

async function fillsAccount({ page }, name) {
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('E-mail').fill(`${name.toLowerCase()}@example.org`);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the account' }).click();
}

async function signsIn({ page }, name, password = PASSWORD) {
  await page.getByLabel('E-mail').fill(`${name.toLowerCase()}@example.org`);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function makesProject(person, name) {
  await person.page.getByRole('button', { name: 'Make the first one' }).click();
  await person.page.getByRole('dialog').getByLabel('Name').fill(name);
  await person.page.getByRole('button', { name: 'Make it' }).click();
  await person.sees(() => person.page.getByRole('heading', { name, level: 1 }), `the project ${name}`);
  await person.isIn('live');
}

/** An invitation's link, over the network of whoever opens it. */
async function invites(person, role = 'editor') {
  await person.page.getByRole('link', { name: 'Members and invitations' }).click();
  await person.page.getByLabel('They become').selectOption(role);
  await person.page.getByRole('button', { name: 'Make a link' }).click();
  const url = await person.page.getByLabel('The invitation’s link').inputValue();
  return new URL(url).hash;
}

/** Grace with a project, and Linus who joined it by a link. */
async function twoMembers(t) {
  const hub = await Hub.start(t);
  const grace = await signsUp(t, hub, 'Grace');
  await makesProject(grace, 'Compilers');
  const link = await invites(grace);
  const linus = await Person.opens(t, browser, hub, link);
  await linus.sees(() => linus.page.getByText('Grace invites you to Compilers'), 'the invitation');
  await linus.page.getByRole('link', { name: 'Make an account' }).click();
  await fillsAccount(linus, 'Linus');
  await linus.isIn('live');
  return { hub, grace, linus, link };
}

function fine(...people) {
  for (const person of people) assert.deepEqual(person.faults, []);
}

test('from signing up to a second browser at the same board, by a link', async (t) => {
  const { grace, linus } = await twoMembers(t);
  await grace.sees(() => grace.page.locator('.row', { hasText: 'Linus' }), 'Linus among the members');
  await grace.page.getByRole('link', { name: 'Board' }).click();
  await linus.adds('Write a kernel');
  await grace.seesTask('Write a kernel');
  await agree(grace, linus);
  await becomes(async () => Object.values(await grace.people()), [1, 1]);
  await linus.page.reload();
  await linus.isIn('live');
  await linus.seesTask('Write a kernel');
  fine(grace, linus);
});

test('whoever has an account signs in and accepts the invitation', async (t) => {
  const { hub, grace, link } = await twoMembers(t);
  await signsUp(t, hub, 'Ken').then((ken) => ken.sees(() => ken.page.getByText('No projects yet'), 'no projects'));
  const ken = await Person.opens(t, browser, hub, link);
  await ken.page.getByRole('link', { name: 'Sign in' }).click();
  await signsIn(ken, 'Ken');
  await ken.page.getByRole('button', { name: 'Join the project' }).click();
  await ken.isIn('live');
  await grace.sees(() => grace.page.locator('.row', { hasText: 'Ken' }), 'Ken among the members');
  fine(grace, ken);
});

test('a link for one person lets that person in, once, and tells nothing of the address', async (t) => {
  const { hub, grace } = await twoMembers(t);
  const ken = await signsUp(t, hub, 'Ken');
  await ken.sees(() => ken.page.getByText('No projects yet'), 'no projects');
  await grace.page.getByLabel('E-mail').fill('nobody@example.org');
  const panel = grace.page.locator('.panel', { hasText: 'Invite one person' });
  await panel.getByRole('button', { name: 'Invite this person' }).click();
  await grace.sees(() => grace.page.getByText('nobody@example.org: editor'), 'for whom the link is');
  const link = await panel.getByLabel('The invitation’s link').inputValue();
  await ken.page.goto(`${ken.network.address}/${new URL(link).hash}`);
  await ken.page.getByRole('button', { name: 'Join the project' }).click();
  await ken.isIn('live');
  fine(grace, ken);
});

test('a new name is seen by the others at once', async (t) => {
  const { grace, linus } = await twoMembers(t);
  await linus.page.getByRole('link', { name: /Linus/ }).click();
  await linus.page.getByLabel('Name', { exact: true }).fill('Linus T.');
  await linus.page.getByRole('button', { name: 'Save' }).click();
  await grace.sees(() => grace.page.locator('.row', { hasText: 'Linus T.' }), 'the new name');
  await linus.page.reload();
  await linus.sees(() => linus.page.locator('.side').getByText('Linus T.'), 'his own new name');
  fine(grace, linus);
});

test('two tabs without a token renew it at the same moment, and both go on', async (t) => {
  const { linus } = await twoMembers(t);
  const address = linus.page.url();
  await linus.page.evaluate(() => sessionStorage.removeItem('rowcast.session'));
  const tab = await linus.page.context().newPage();
  await Promise.all([linus.page.reload(), tab.goto(address)]);
  for (const page of [linus.page, tab]) await page.locator('#status[data-state=live]').waitFor();
  await tab.close();
  await linus.adds('After both');
  await linus.hasSentAll();
  fine(linus);
});

test('what is wrong with a form stands at its field, and nothing typed is lost', async (t) => {
  const hub = await Hub.start(t);
  await signsUp(t, hub, 'Grace');
  const other = await Person.opens(t, browser, hub, '#/register');
  const { page } = other;
  await page.getByRole('button', { name: 'Make the account' }).click();
  await other.sees(() => page.getByText('Your name is needed.'), 'what is missing');
  await page.getByLabel('Your name').fill('Grace Too');
  await page.getByLabel('E-mail').fill('not an address');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await page.locator('input[name=email][aria-invalid=true]').waitFor();
  await page.getByLabel('E-mail').fill('grace@example.org');
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Make the account' }).click();
  await page.locator('input[name=password][aria-invalid=true]').waitFor();
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await other.sees(() => page.locator('small.error', { hasText: /account/ }), 'that the address is taken');
  assert.equal(await page.getByLabel('Your name').inputValue(), 'Grace Too');
  await page.getByRole('link', { name: 'I have an account' }).click();
  await signsIn(other, 'Grace', 'wrong password');
  await other.sees(() => page.getByText('do not belong together'), 'that it is wrong');
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'grace@example.org');
  await signsIn(other, 'Grace');
  await other.sees(() => page.getByText('No projects yet'), 'the projects');
  fine(other);
});

test('a member who is removed while looking is told; a link that was withdrawn too', async (t) => {
  const { hub, grace, linus, link } = await twoMembers(t);
  const row = grace.page.locator('.row', { hasText: 'Linus' });
  await row.getByLabel('Role of Linus').selectOption('viewer');
  await linus.column('todo').locator('.add').waitFor({ state: 'hidden' });
  await row.getByRole('button', { name: 'Remove Linus' }).click();
  await grace.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await linus.sees(() => linus.page.getByText('is closed to you'), 'that the project is closed');
  await linus.page.getByRole('link', { name: 'Go to your projects' }).click();
  await linus.sees(() => linus.page.getByText('No projects yet'), 'no projects');
  await grace.page.getByRole('button', { name: 'Withdraw' }).click();
  await grace.page.getByRole('button', { name: 'Withdraw' }).waitFor({ state: 'detached' });
  const late = await Person.opens(t, browser, hub, link);
  await late.sees(() => late.page.getByText('Ask for a new one'), 'that the link has ended');
  await grace.page.getByRole('button', { name: 'Leave Grace' }).click();
  await grace.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
  await grace.seesNotice('owner');
  fine(grace, linus, late);
});

test('projects are renamed and deleted, and who looks at one is told', async (t) => {
  const { grace, linus } = await twoMembers(t);
  await grace.page.getByRole('link', { name: 'Projects', exact: true }).click();
  await grace.page.getByRole('button', { name: 'Rename' }).click();
  await grace.page.getByRole('dialog').getByLabel('Name').fill('Interpreters');
  await grace.page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await linus.sees(() => linus.page.getByRole('heading', { name: 'Interpreters' }), 'the new name');
  await grace.page.getByRole('button', { name: 'Delete' }).click();
  await grace.page.getByRole('button', { name: 'Delete the project' }).click();
  await linus.sees(() => linus.page.getByText('is closed to you'), 'that the project is gone');
  await grace.sees(() => grace.page.getByText('No projects yet'), 'no projects');
  fine(grace, linus);
});

test('signing out everywhere and a new password end the other devices at once', async (t) => {
  const hub = await Hub.start(t);
  const desk = await signsUp(t, hub, 'Grace');
  await desk.sees(() => desk.page.getByText('No projects yet'), 'the projects');
  const phone = await Person.opens(t, browser, hub, '#/login');
  const in_ = async () => {
    await signsIn(phone, 'Grace');
    await phone.isIn('live');
  };
  await in_();
  await desk.page.getByRole('link', { name: /Grace/ }).click();
  await becomes(() => desk.page.getByRole('list', { name: 'Sessions' }).getByRole('listitem').count(), 2);
  await desk.page.getByLabel('Current password').fill(PASSWORD);
  await desk.page.getByLabel('New password').fill('another horse 8');
  await desk.page.getByRole('button', { name: 'Change the password' }).click();
  await desk.seesNotice('password was changed');
  await phone.sees(() => phone.page.getByRole('heading', { name: 'Sign in' }), 'that the phone is signed out');
  await signsIn(phone, 'Grace', 'another horse 8');
  await phone.isIn('live');
  await desk.page.getByRole('button', { name: 'Sign out everywhere' }).click();
  for (const device of [desk, phone]) await device.sees(() => device.page.getByRole('heading', { name: 'Sign in' }), 'the sign-in');
  fine(desk, phone);
});

test('a forgotten password is set anew with the operator’s link', async (t) => {
  const hub = await Hub.start(t);
  const grace = await signsUp(t, hub, 'Grace');
  await grace.sees(() => grace.page.getByText('No projects yet'), 'the projects');
  const code = /#reset=(\S+)/.exec(hub.command('account', 'reset', 'grace@example.org'))?.[1];
  const phone = await Person.opens(t, browser, hub, `#reset=${code}`);
  await phone.page.getByLabel('New password').fill('a third horse 9');
  await phone.page.getByRole('button', { name: 'Set the password' }).click();
  await phone.isIn('live');
  await phone.sees(() => phone.page.getByText('No projects yet'), 'the projects');
  fine(phone);
});
