import { MemoryStore } from '../../support/memory-store.ts';
import { storeContract } from './contract.ts';

storeContract('memory', () => Promise.resolve({ store: new MemoryStore(), close: () => Promise.resolve() }));
