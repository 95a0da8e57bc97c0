/** The tables of a result as columns of a page: what each is called, how it reads, where it leads. */
import { own } from '../../lib/api/read';
import type { Trade } from '../../lib/api/wire';
import { parseMoment, tone } from '../../lib/format';
import { integer, instant, money, number, percent, quantity, t, word } from '../../lib/i18n/index.svelte';
import { digitsOf, figures, grainOf, texts, type Column } from '../../lib/table/column';
import { columnsOf, numbers, valueAt, words, type Data, type WireTable } from '../../lib/table/data';

export interface Says {
  currency: string;
  /** The page of a tick, if ticks have one. */
  tick: (number: number) => string;
}

const side = (name: string) => (name === 'buy' ? t('trade.buy') : name === 'sell' ? t('trade.sell') : name === 'long' ? t('trade.long') : name === 'short' ? t('trade.short') : name);

function plain(id: string, label: string, data: Data): Column {
  return figures(id, label, data, (value) => integer(value));
}
function price(id: string, label: string, data: Data, digits = Math.max(2, digitsOf(data, 8))): Column {
  return figures(id, label, data, (value) => number(value, { digits }));
}
function size(id: string, label: string, data: Data): Column {
  return figures(id, label, data, (value) => quantity(value));
}
function amount(id: string, label: string, data: Data, currency: string, signed = false): Column {
  // Money is shown to the cent; the file has all of it.
  const column = figures(id, label, data, (value) => money(value, { currency, ...(signed ? { sign: 'always' } : {}) }));
  return signed ? { ...column, tone: (row) => tone(valueAt(data, row)) } : column;
}
function time(id: string, label: string, data: Data): Column {
  const grain = grainOf(data);
  return figures(id, label, data, (value) => instant(value, grain));
}
/** A row leads to its tick. */
function leading(column: Column, ticks: Data | undefined, says: Says): Column {
  if (!ticks) return column;
  return {
    ...column,
    href: (row) => {
      const tick = valueAt(ticks, row);
      return typeof tick === 'number' ? says.tick(tick) : null;
    },
  };
}

type Make = (id: string, data: Data, all: Record<string, Data>) => Column;

/** The columns that a server sends, in its order; one that is not known here is left to the file. */
function made(table: WireTable, makes: Record<string, Make>): Column[] {
  const all = columnsOf(table, ['time', 'ended']);
  return Object.entries(all).flatMap(([id, data]) => own(makes, id)?.(id, data, all) ?? []);
}

export function fillColumns(table: WireTable, says: Says): Column[] {
  return made(table, {
    number: (id, data, all) => leading(plain(id, t('fill.number'), data), all['tick'], says),
    tick: (id, data) => plain(id, t('fill.tick'), data),
    time: (id, data) => time(id, t('fill.time'), data),
    symbol: (id, data) => texts(id, t('trade.symbol'), data),
    side: (id, data) => texts(id, t('trade.side'), data, side),
    quantity: (id, data) => size(id, t('trade.quantity'), data),
    price: (id, data) => price(id, t('fill.price'), data),
    notional: (id, data) => amount(id, t('fill.notional'), data, says.currency),
    fee: (id, data) => amount(id, t('fill.fee'), data, says.currency),
    liquidity: (id, data) => texts(id, t('fill.liquidity'), data, word),
    order: (id, data) => plain(id, t('fill.order'), data),
    purpose: (id, data) => texts(id, t('fill.purpose'), data, word),
  });
}

export function orderColumns(table: WireTable, says: Says): Column[] {
  return made(table, {
    id: (id, data, all) => leading(plain(id, t('order.id'), data), all['tick'], says),
    tick: (id, data) => plain(id, t('fill.tick'), data),
    time: (id, data) => time(id, t('order.time'), data),
    symbol: (id, data) => texts(id, t('trade.symbol'), data),
    side: (id, data) => texts(id, t('trade.side'), data, side),
    kind: (id, data) => texts(id, t('order.kind'), data, word),
    limit: (id, data) => price(id, t('order.limit'), data),
    trigger: (id, data) => price(id, t('order.trigger'), data),
    quantity: (id, data) => size(id, t('trade.quantity'), data),
    filled: (id, data) => size(id, t('order.filled'), data),
    average_price: (id, data) => price(id, t('order.average_price'), data),
    tif: (id, data) => texts(id, t('order.tif'), data, word),
    purpose: (id, data) => texts(id, t('fill.purpose'), data, word),
    state: (id, data) => texts(id, t('order.state'), data, word),
    ended: (id, data) => time(id, t('order.ended'), data),
    reason: (id, data) => texts(id, t('order.reason'), data),
  });
}

export function refusalColumns(table: WireTable, says: Says): Column[] {
  return made(table, {
    tick: (id, data, all) => leading(plain(id, t('fill.tick'), data), all['tick'], says),
    time: (id, data) => time(id, t('fill.time'), data),
    symbol: (id, data) => texts(id, t('trade.symbol'), data),
    side: (id, data) => texts(id, t('trade.side'), data, side),
    quantity: (id, data) => size(id, t('trade.quantity'), data),
    order: (id, data) => plain(id, t('fill.order'), data),
    limit: (id, data) => texts(id, t('refusal.limit'), data, word),
    value: (id, data) => price(id, t('refusal.value'), data, 2),
    bound: (id, data) => price(id, t('refusal.bound'), data, 2),
    text: (id, data) => texts(id, t('order.reason'), data),
  });
}

/** The round trips, which are in the result itself. */
export function tradeColumns(trades: readonly Trade[], currency: string): Column[] {
  const of = (pick: (trade: Trade) => number | string | null) => numbers(trades.map(pick));
  const at = (pick: (trade: Trade) => string | null) => numbers(trades.map((trade) => micros(pick(trade))), 'time');
  const returns = of((trade) => trade.return);
  const [entries, exits] = [of((trade) => trade.entry), of((trade) => trade.exit)];
  const digits = Math.max(2, digitsOf(entries, 6), digitsOf(exits, 6));
  const closed = time('closed', t('trade.closed'), at((trade) => trade.closed));
  return [
    texts('symbol', t('trade.symbol'), words(trades.map((trade) => trade.symbol))),
    texts('side', t('trade.side'), words(trades.map((trade) => trade.side)), side),
    time('opened', t('trade.opened'), at((trade) => trade.opened)),
    { ...closed, show: (row) => closed.show(row) || t('trade.open') },
    size('quantity', t('trade.quantity'), of((trade) => trade.quantity)),
    price('entry', t('trade.entry'), entries, digits),
    price('exit', t('trade.exit'), exits, digits),
    amount('fees', t('trade.fees'), of((trade) => trade.fees), currency),
    amount('pnl', t('trade.pnl'), of((trade) => trade.pnl), currency, true),
    { ...figures('return', t('trade.return'), returns, (value) => percent(value, { sign: 'always' })), tone: (row) => tone(valueAt(returns, row)) },
    plain('bars', t('trade.bars'), of((trade) => trade.bars)),
  ];
}

function micros(moment: string | null): number | null {
  const ms = parseMoment(moment)?.getTime();
  return ms === undefined ? null : ms * 1000;
}
