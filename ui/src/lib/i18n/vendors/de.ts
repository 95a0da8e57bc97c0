import type { vendors as en } from './en';

/** German messages of the keys of price vendors. */
export const vendors: Record<keyof typeof en, string> = {
  'admin.vendors': 'Anbieterschlüssel',
  'vendors.title': 'Anbieterschlüssel',
  'vendors.text': 'Schlüssel von Kursanbietern liegen versiegelt unter den Schlüsseln dieser Installation. Ein Schlüssel geht hinein und kommt nie wieder heraus: Gezeigt wird ein Fingerabdruck, der für denselben Schlüssel gleich bleibt und anderswo nichts nützt.',
  'vendors.vendor': 'Anbieter',
  'vendors.vendor.help': 'Kleinbuchstaben, Ziffern, Binde- und Unterstriche.',
  'vendors.key': 'Schlüssel',
  'vendors.key.help': 'Er wird nicht gezeigt, weder jetzt noch später.',
  'vendors.key.show': 'Schlüssel zeigen',
  'vendors.key.hide': 'Schlüssel verbergen',
  'vendors.put': 'Versiegeln',
  'vendors.kept': 'Der Schlüssel von {vendor} ist versiegelt, Fingerabdruck {fingerprint}',
  'vendors.list': 'Versiegelte Schlüssel',
  'vendors.fingerprint': 'Fingerabdruck',
  'vendors.created': 'Eingegeben',
  'vendors.by': 'Von',
  'vendors.host': 'dem Betreiber, auf der Maschine',
  'vendors.remove': 'Entfernen',
  'vendors.remove.of': 'Den Schlüssel von {vendor} entfernen',
  'vendors.remove.title': 'Den Schlüssel von {vendor} entfernen?',
  'vendors.remove.text': 'Von hier bringt ihn nichts zurück. Widerrufen Sie ihn auch beim Anbieter.',
  'vendors.removed': 'Der Schlüssel von {vendor} ist entfernt',
  'vendors.none': 'Hier ist kein Schlüssel eines Anbieters versiegelt.',
};
