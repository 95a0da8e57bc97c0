import { mount } from 'svelte';
import App from './App.svelte';
import { navigation } from './lib/navigation.svelte';
import './styles/app.css';

navigation.start();
const target = document.getElementById('app');
if (target) mount(App, { target });
