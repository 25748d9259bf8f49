import { RecordBatchReader } from '../src/sources/kafka/recordBatchReader.js';
import { reducePairs } from '../src/batch/pairs.js';
import { crc32c } from '../src/sources/kafka/crc32c.js';
// build batches of 1250 records quickly
function vi(n,out){ let z=n*2; while(z>127){out.push((z&127)|128); z=Math.floor(z/128);} out.push(z); }
const per=1250, batches=160; const parts=[];
let n=0;
for(let b=0;b<batches;b++){ const recs=[]; for(let i=0;i<per;i++){ const key=Buffer.from(`key-${String((n*4+1)%10000).padStart(6,'0')}`); let v=`{"n":${n},"pad":"`; v+= 'x'.repeat(Math.max(100-10-v.length-2,0))+'"}'; const value=Buffer.from(v); const body=[0]; vi(0,body); vi(i,body); vi(key.length,body); const pre=Buffer.from(body); const mid=[]; vi(value.length,mid); const bb=Buffer.concat([pre,key,Buffer.from(mid),value,Buffer.from([0])]); const len=[]; vi(bb.length,len); recs.push(Buffer.from(len),bb); n++; }
 const body=Buffer.concat(recs); const h=Buffer.alloc(61); h.writeBigInt64BE(BigInt(b*per),0); h.writeInt32BE(49+body.length,8); h.writeInt8(2,16); h.writeInt32BE(per-1,23); h.writeBigInt64BE(0n,27); h.writeBigInt64BE(0n,35); h.writeBigInt64BE(-1n,43); h.writeInt32BE(per,57); parts.push(h,body); }
const buf=Buffer.concat(parts); const N=n;
const modes={ key:(v)=>v.keyText(), kv:(v)=>[v.keyText(),v.valueText()], view:(v)=>v.valueLength };
const mode=process.argv[2]; const d=modes[mode]; const t=[];
for(let r=0;r<60;r++){ const reader=RecordBatchReader.open(buf,{topic:'t',partition:0,from:0,aborted:[],checkCrcs:false}); const a=process.cpuUsage().user; const out=[]; while(!reader.done){ reader.load(); reader.read(Infinity,1024,(v)=>{out.push(d(v));}); }
 const m=process.cpuUsage().user; let pr=0; if(mode==='key'){ const g=reducePairs('x',[{records:out.map((k)=>[k,1])}],(a,b)=>a+b); pr=g.size; } const e=process.cpuUsage().user; t.push([m-a,e-m,pr]); if(out.length!==N) throw new Error(out.length); }
t.splice(0,10); const q=(i)=>{const s=t.map(x=>x[i]).sort((a,b)=>a-b); return `${(s[0]*1000/N).toFixed(0)}/${(s[25]*1000/N).toFixed(0)}`}; console.log(mode,'decode min/median ns', q(0),' reduce', q(1));
