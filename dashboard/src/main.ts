import { mount } from 'svelte';
import App from './App.svelte';
import { address, applyTheme, reloadOnNewToken, takeToken } from './lib/state/address.svelte';
import './tokens.css';
import './app.css';

applyTheme(address.get('theme'));
reloadOnNewToken();
mount(App, { target: document.getElementById('app') as HTMLElement, props: { token: takeToken() } });
