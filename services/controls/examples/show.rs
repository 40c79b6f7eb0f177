use probity_controls::{Pack, examples::Examples};
fn main() { let a: Vec<String> = std::env::args().collect();
 let pack = Pack::load(&std::fs::read_to_string(&a[1]).unwrap()).unwrap_or_else(|f| { for f in f { println!("{f}"); } std::process::exit(1) });
 let mut ex = Examples::load(&std::fs::read_to_string(&a[2]).unwrap()).unwrap();
 for o in ex.run(&pack).unwrap() { println!("{:28} {:?}\t{} {} {:?} until {:?}\n      {}", o.example.control, o.example.case, if o.is_as_expected() {"ok"} else {"WRONG"}, o.judgement.verdict, o.judgement.rests_on, o.judgement.until_ms, o.judgement.reason); } }
