export * from '../../protocol/address.ts';
